"""The records that make an execution durable, and how a slot of them is written down.

A journal is a log of slots. A slot is written once, by one writer, under one epoch, and holds one or more records
that became true together. Records are added to in two ways only: a new field with a default, which older readers
skip, or a new format number, which older readers refuse by name. Every format stays readable for ever; the files
under `tests/golden/journal` hold that promise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

import pydantic
from pydantic import JsonValue

from kitaru.errors import FailureOrigin

#: The format this version writes, and the newest it reads.
FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value as the journal keeps it: inline when it is small, else in an artifact of its own.

    `codec` is "json" (tagged JSON, see `kitaru.core.values`) or "pickle" (cloudpickle, base64 inline).
    `type` is the value's qualified type name, for people; `python` the version that pickled it.
    Exactly one of `data` (inline, also for a JSON null) and `artifact` (an artifact id) counts: `artifact` when set.
    `size` is the encoded size in bytes, `sha256` the hex digest of the encoded bytes.
    """

    codec: Literal["json", "pickle"]
    type: str
    size: int
    sha256: str
    data: JsonValue = None
    artifact: str | None = None
    python: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An exception as the journal keeps it: enough to show it, and to raise it again in another process.

    `type` is `module.qualname`; `arguments` and `attributes` rebuild the instance without calling its constructor;
    `call` is the id of the checkpoint call that raised it, `wait` that of the wait that expired; `cause`, `context`
    and `group` are the exceptions it is chained to, so that a retry knows which failed calls led to it.
    """

    type: str
    message: str
    traceback: str = ""
    origin: FailureOrigin = FailureOrigin.USER_CODE
    call: str | None = None
    wait: str | None = None
    arguments: Value | None = None
    attributes: Value | None = None
    cause: Failure | None = None
    context: Failure | None = None
    suppress_context: bool = False
    group: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """An artifact that user code saved by name within a call."""

    name: str
    kind: str
    value: Value
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """The first record of an epoch: from here on every older writer is refused.

    `pod` is empty locally; `source` is the hash of the flow's source that this attempt runs, where it is not frozen.
    """

    at: datetime
    pod: str = ""
    source: str | None = None
    kind: Literal["fence"] = "fence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A call began. It has its id from now on, in this and in every later attempt.

    `scope`, `name` and `occurrence` are its place in the body; `inputs` the hash of its arguments; `explicit`
    says that the user gave the id; `nth` counts the calls of this name and these inputs, for the idempotency key;
    `head` is the first slot that was not yet written when the call began; `replays` is, in a replay, the id of the
    recorded call that this one stands for.
    """

    call: str
    name: str
    scope: str
    occurrence: int
    inputs: str
    head: int
    at: datetime
    type: str | None = None
    explicit: bool = False
    nth: int = 1
    replays: str | None = None
    kind: Literal["begun"] = "begun"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A try of a call failed and the call has retries left. `number` counts tries from 1.

    `delay` is how many seconds after `at` the next try begins.
    """

    call: str
    number: int
    failure: Failure
    at: datetime
    delay: float = 0.0
    kind: Literal["tried"] = "tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reused:
    """Where an outcome comes from that was not computed here.

    `how` is "cache" (a cache hit), "replay" (copied by a replay) or "override" (given to a replay in its place);
    `execution` and `call` are those that computed it, or whose place it takes; `call` is a wait's id for an answer.
    """

    how: Literal["cache", "replay", "override"]
    execution: str
    call: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A call ended well, with what it saved and logged. `reused` says that its function did not run."""

    call: str
    value: Value
    at: datetime
    saved: tuple[Saved, ...] = ()
    logged: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    reused: Reused | None = None
    kind: Literal["returned"] = "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """A call ended badly, its retries spent. Later attempts raise the same failure again. `reused` as in `Returned`."""

    call: str
    failure: Failure
    at: datetime
    saved: tuple[Saved, ...] = ()
    logged: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    reused: Reused | None = None
    kind: Literal["raised"] = "raised"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitOpened:
    """The body asks the outside world. `schema` is the answer's JSON Schema as JSON text, None for a mere gate.

    `deadline` is absolute; `default` is what the wait returns when the deadline passes without an answer; `head` and
    `replays` as in `Begun` (older journals do not have the head).
    """

    wait: str
    name: str
    scope: str
    occurrence: int
    at: datetime
    question: str | None = None
    schema: str | None = None
    metadata: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    deadline: datetime | None = None
    default: Value | None = None
    head: int | None = None
    replays: str | None = None
    kind: Literal["wait_opened"] = "wait_opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The runner took a wait's answer from the store. `request` is the id of the request that won.

    `reused` says that nobody was asked: a replay copied the answer, or was given it (then "override").
    """

    wait: str
    request: str
    value: JsonValue
    at: datetime
    answered_by: str = ""
    reused: Reused | None = None
    kind: Literal["answered"] = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """The runner took a wait's expiry from the store, or a replay copied it."""

    wait: str
    at: datetime
    reused: Reused | None = None
    kind: Literal["expired"] = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """The body can only go on after an answer, and the runner stays for it."""

    at: datetime
    kind: Literal["idle"] = "idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """Metadata that the flow body logged about its execution."""

    metadata: Mapping[str, JsonValue]
    at: datetime
    kind: Literal["logged"] = "logged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """The body raised and the flow has a retry left: it runs again, in the same attempt.

    `releases` and `asks` as in `Failed`; `delay` is how many seconds after `at` the body begins again.
    """

    number: int
    failure: Failure
    releases: tuple[str, ...]
    at: datetime
    asks: tuple[str, ...] = ()
    delay: float = 0.0
    kind: Literal["retried"] = "retried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """The attempt ended: only an answer can move the execution on. `left` as in `Completed`."""

    at: datetime
    left: tuple[str, ...] | None = None
    kind: Literal["parked"] = "parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The execution failed.

    A retry that is granted runs the failed calls in `releases` again, and asks the expired waits in `asks` again.
    `left` as in `Completed`.
    """

    failure: Failure
    at: datetime
    releases: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    left: tuple[str, ...] | None = None
    kind: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The flow returned.

    `left` are the calls of the log, by id, that its last run did not make: those of an older run which took another
    way. A replay does not miss them. None: nobody noted them.
    """

    value: Value
    at: datetime
    left: tuple[str, ...] | None = None
    kind: Literal["completed"] = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The execution was cancelled, by whoever claimed the slot's epoch for it."""

    reason: str
    at: datetime
    kind: Literal["cancelled"] = "cancelled"


Record: TypeAlias = (
    Fence
    | Begun
    | Tried
    | Returned
    | Raised
    | WaitOpened
    | Answered
    | Expired
    | Idle
    | Logged
    | Retried
    | Parked
    | Failed
    | Completed
    | Cancelled
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One write to the log. `id` is unique to it: by its id a writer knows its own slot after a lost reply."""

    epoch: int
    writer: str
    id: str
    records: tuple[Annotated[Record, pydantic.Field(discriminator="kind")], ...]
    format: int = FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The content of `epoch/<n>`: the process that may write under it. `pod` is its pod's uid, for people."""

    writer: str
    pod: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A person's answer as it lies in `answers/<wait>`. `request` is the id by which its sender knows it."""

    request: str
    value: JsonValue
    at: datetime
    answered_by: str = ""
    kind: Literal["answer"] = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """A person's wish not to answer but to end the execution, as it lies in `answers/<wait>`."""

    request: str
    at: datetime
    answered_by: str = ""
    kind: Literal["abort"] = "abort"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """What lies in `answers/<wait>` when the deadline passed and no answer made in time was there."""

    at: datetime
    kind: Literal["expiry"] = "expiry"


Decision: TypeAlias = Annotated[Answer | Abort | Expiry, pydantic.Field(discriminator="kind")]
