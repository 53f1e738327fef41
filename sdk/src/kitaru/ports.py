"""What Kitaru needs of the world. Backends give it, fakes give it, and one contract suite a port holds them all.

No module in here or below knows which backend stands behind a port.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pydantic import JsonValue

from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer, Expiry, Record, Returned, Slot
from kitaru.core.listing import Query, Row
from kitaru.core.located import Located
from kitaru.core.replay import ReplayStart


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """What a store knows of an object without reading it. `size` is in bytes; `metadata` keys are lower case."""

    key: str
    size: int
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


class ObjectStore(Protocol):
    """Six operations on named bytes. The journal needs of them only that `create` is atomic and reads are current.

    Every operation may raise `StoreUnavailableError` (no answer, or the outcome is unknown) and `StoreDeniedError`.
    """

    def get(self, key: str) -> bytes | None:
        """Return the object's content; None only if the store said that there is none (rule 2)."""
        ...

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Write the object, whether it exists or not."""
        ...

    def create(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> bool:
        """Write the object if there is none; return whether it was written by this very request (rule 1)."""
        ...

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is known of the object; None if there is none."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Return the objects whose key begins with `prefix`, in the order of their keys, without metadata."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object; no error if there is none."""
        ...


class Clock(Protocol):
    """Time. Everything that measures or waits asks here, so that a test can say what time it is."""

    def now(self) -> datetime:
        """Return the time of day, in UTC, aware."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...

    def alarm(self, seconds: float, ring: Callable[[], None], *, asleep: bool = False) -> Callable[[], None]:
        """Have `ring` called once when `seconds` have passed, in whatever thread; return what takes the wish back.

        `ring` must not block. `asleep` says that whoever asks does nothing but wait for it, as in `sleep`: a clock
        that a test turns may move on at once then.
        """
        ...


class Process(Protocol):
    """A process that runs one function for an attempt, and talks with it in messages."""

    def receive(self) -> bytes | None:
        """Return the next message, waiting for it; None once the process has ended or was killed."""
        ...

    def send(self, message: bytes) -> None:
        """Send a message; one that nobody hears any more is lost."""
        ...

    def kill(self) -> None:
        """End the process at once, and what it started; from whatever thread, however often."""
        ...

    def close(self) -> int:
        """Return the exit code once the process has ended, -9 for SIGKILL; one that lingers is killed."""
        ...


class Isolation(Protocol):
    """Processes of their own for functions that can be killed. What they print goes where this process prints."""

    def start(self, errand: bytes) -> Process:
        """Start a process with its first message. It dies with the calling thread, at the latest."""
        ...


class Ids(Protocol):
    """Fresh ids: for processes that write, for local executions, for requests."""

    def new(self) -> str:
        """Return an id that nobody else has: 128 random bits, in lower-case hex."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A journal that is ours to write: `slots` is the whole log up to and with our own fence."""

    slots: Sequence[Slot]
    head: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A journal that is not ours to write: over, or held by another process. `why` says it in a sentence."""

    why: str
    head: Head


class Journal(Protocol):
    """One execution's log, written under one epoch. Its methods may be called from several threads."""

    def open(self) -> Opened | Closed:
        """Claim the epoch, read the log, fence (rules 5 to 7). To be called once, before all else."""
        ...

    def append(self, records: Sequence[Record]) -> int:
        """Commit the records together and return their slot once they are durable (rule 8).

        Appends of several threads may share a slot. Raises `Fenced` when a newer attempt holds the journal and
        `StoreUnavailableError` when the store stayed away for longer than the journal's patience; after either,
        every further append raises `Fenced`.
        """
        ...

    def decision(self, wait: str) -> Answer | Abort | Expiry | None:
        """Return what was decided for a wait, None if nothing was (rule 10)."""
        ...

    def head(self) -> Head:
        """Return the head of the log as this process knows it; it wrote the end of it."""
        ...


class Artifacts(Protocol):
    """The values of one execution that are too large for its log, and those that the user saved."""

    def put(self, artifact: str, body: bytes, metadata: Mapping[str, str]) -> None:
        """Keep the value's encoded bytes under an id that the attempt made up; done before the log names it."""
        ...

    def get(self, artifact: str) -> bytes:
        """Return the encoded bytes. Raises `KitaruBackendError` when they are gone."""
        ...


class Histories(Protocol):
    """What other executions of the same stack left behind: for `kitaru.load`."""

    def open(self, exec_id: str) -> tuple[Sequence[Slot], Artifacts]:
        """Return an execution's log and its artifacts. Raises `LookupError` when there is no such execution."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Cached:
    """A finished call of another execution: `execution` is that one's id, `artifacts` hold what its log does not."""

    execution: str
    outcome: Returned
    artifacts: Artifacts


class CallCache(Protocol):
    """Finished calls of a stack's executions by their keys (`kitaru.core.caching`), as one execution sees them.

    Nothing relies on it: what was kept may be lost, and every failure of its store is as if nothing were there.
    """

    def find(self, key: str, since: datetime | None) -> Cached | None:
        """Return the call that was kept last under the key; None if there is none any more, or it ended before `since`.

        Never one of this very execution.
        """
        ...

    def keep(self, key: str, slot: int, outcome: Returned) -> None:
        """Have a call of this execution found under the key: `outcome` stands in this slot of its log."""
        ...

    def flush(self) -> None:
        """Return when what was kept can be found by others, or after a moment at most."""
        ...


class Telemetry(Protocol):
    """Log lines and events. They are batched, and losing the last seconds of them at a crash is accepted."""

    def emit(self, line: Mapping[str, JsonValue]) -> None:
        """Take one line; returns at once."""
        ...

    def flush(self) -> bool:
        """Write out what was taken; return whether all of it was."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a new execution of a deployed version is asked to be. `inputs` are the flow's arguments by name.

    At most one of `version` and `tag` is given, and neither means the tag `default`.
    `retries` is the flow's own (None: the decorator's).
    """

    flow: str
    inputs: Mapping[str, JsonValue]
    version: int | None = None
    tag: str | None = None
    retries: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploy:
    """A version of a flow that is asked for. `schema` is the JSON Schema of its inputs, `inputs` their defaults.

    The code comes from `image` on Kubernetes, whose containers have the variables `environment`, and locally from the
    project of `file`, the path of the flow's file.
    `tags` says of each whether it is exclusive; `publish` gives `default` to the flow's first version. `commit` is the
    source's, and `dirty` whether the source differs from it; locally the stack looks for itself. `source` is the hash
    of the flow's code, `settings` what was resolved for it, as `kitaru.core.frozen` writes it. `force` takes over what
    somebody else manages.
    """

    flow: str
    entrypoint: str
    inputs: Mapping[str, JsonValue]
    schema: Mapping[str, JsonValue]
    image: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    file: str | None = None
    tags: Mapping[str, bool] = field(default_factory=dict[str, bool])
    publish: bool = True
    commit: str | None = None
    dirty: bool | None = None
    source: str | None = None
    settings: Mapping[str, JsonValue] | None = None
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A version of a flow that exists. `deployment` is the id of the request that made it, empty if there was none.

    `tags` says of each tag on it whether it is exclusive. `image` holds its code on Kubernetes, and the bundle of this
    digest locally. `schema` is None where the stack does not know it any more.
    """

    flow: str
    version: int
    deployment: str
    created_at: datetime
    image: str | None = None
    bundle: str | None = None
    tags: Mapping[str, bool] = field(default_factory=dict[str, bool])
    commit: str | None = None
    dirty: bool | None = None
    schema: Mapping[str, JsonValue] | None = None


class Executions(Protocol):
    """The executions of one stack, by resource and journal; their data is read from `store`.

    Every method raises `LookupError` for an unknown id and `KitaruBackendError` when the stack is out of reach.
    """

    @property
    def store(self) -> ObjectStore:
        """Where the journals and artifacts of this stack lie."""
        ...

    def start(self, start: Start) -> str:
        """Start an execution and return its id."""
        ...

    def list(self, query: Query) -> Sequence[Row]:
        """Return the executions that are asked for, the newest first."""
        ...

    def locate(self, exec_id: str) -> Located:
        """Return what the stack knows of the execution: by name, uid or a unique prefix of either."""
        ...

    def answer(self, exec_id: str, wait: str, value: JsonValue) -> None:
        """Answer the open wait with this wait id; returns when the answer is accepted.

        Raises `KitaruWaitValidationError` when the value does not fit, `KitaruStateError` when it came too late.
        """
        ...

    def abort(self, exec_id: str, wait: str) -> None:
        """Abort the open wait with this wait id, which cancels the execution; returns when it is stored."""
        ...

    def retry(self, exec_id: str) -> None:
        """Grant a failed execution one more try. Raises `KitaruStateError` in any other state."""
        ...

    def resume(self, exec_id: str) -> None:
        """Go on with an execution that was answered or whose process died; nothing to do if somebody does already.

        Raises `KitaruStateError` as `kitaru.core.resuming` says.
        """
        ...

    def replay(self, start: ReplayStart) -> str:
        """Start an execution that replays another one, with the same code and settings, and return its id.

        Raises `KitaruFeatureNotAvailableError` on a stack that cannot.
        """
        ...

    def cancel(self, exec_id: str) -> None:
        """Ask for the execution's end. Raises `KitaruStateError` when it is over."""
        ...

    def await_change(self, exec_id: str, timeout: float) -> None:
        """Return when the execution may have changed, or after `timeout` seconds."""
        ...


class Flows(Protocol):
    """The deployed flows of one stack: versions, which never change, and tags, which move.

    Numbers and tags are given as `kitaru.core.routes` checks them. Every method but `deploy` and `list` raises
    `LookupError` for a flow, version or tag that does not exist, and each `KitaruBackendError` when the stack is out of
    reach.
    """

    def deploy(self, deploy: Deploy) -> Deployed:
        """Make a new version and return it once the stack lists it."""
        ...

    def list(self, flow: str | None = None) -> Sequence[Deployed]:
        """Return the versions of a flow, the newest first; without a name those of all flows, by name."""
        ...

    def get(self, flow: str, version: int | None = None, tag: str | None = None) -> Deployed:
        """Return the version of this number or with this tag, else with the tag `default`.

        Raises `KitaruStateError` when several versions have the tag, or when no version is the default.
        """
        ...

    def tag(self, flow: str, version: int, tag: str, *, exclusive: bool) -> Deployed:
        """Put a tag on a version and return it. An exclusive tag, as `default` always is, leaves the others.

        Raises `KitaruStateError` for a shared tag that another version has to itself.
        """
        ...

    def untag(self, flow: str, version: int, tag: str) -> Deployed:
        """Take a tag off a version and return it. Raises `KitaruUsageError` for `default`, which can only move."""
        ...

    def delete(self, flow: str, version: int) -> None:
        """Delete a version; its executions go on. Raises `KitaruStateError` while an exclusive tag is on it."""
        ...
