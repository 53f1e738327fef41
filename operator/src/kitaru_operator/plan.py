"""What a pass wants done, as frozen values. `kitaru_operator.apply` does it, in the order of `Plan`'s fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from pydantic import JsonValue

from kitaru.core.head import OpenWait
from kitaru.core.journal import Cancelled, Failed
from kitaru.core.protocol.verdicts import Request
from kitaru.core.resources.answer import KitaruAnswer
from kitaru.core.resources.conditions import Reason
from kitaru.core.resources.execution import ExecutionStatus
from kitaru.core.spec import Spec


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Delete this very pod: the uid keeps a newer one of the same name safe (rule 16)."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Judge:
    """Give a request its verdict, or say why it has none yet (rules 26 to 29)."""

    answer: KitaruAnswer
    request: Request


@dataclass(frozen=True, slots=True)
class Refuse:
    """Tell a request that it can never count, without asking the store."""

    answer: KitaruAnswer
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class RemoveAnswer:
    """Delete an answer that was decided a while ago; the journal keeps it."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Freeze:
    """Write spec.json if there is none, then raise `status.attempt`: the plan's status has the number."""

    spec: Spec


@dataclass(frozen=True, slots=True)
class MakePod:
    """Create the attempt's pod; that it exists already is success (rule 21)."""

    manifest: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class EndJournal:
    """Raise `status.attempt` to `number`, claim it and append `record` (rules 18 and 25), in one go."""

    number: int
    record: Cancelled | Failed


@dataclass(frozen=True, slots=True)
class EndDeleted:
    """Claim `number`, or the first free one after it, and append `record` (rule 18b)."""

    number: int
    record: Cancelled


@dataclass(frozen=True, slots=True)
class ExpireWait:
    """LIST the requests live, judge one that was made in time, else store the expiry (rule 28b)."""

    wait: OpenWait


@dataclass(frozen=True, slots=True)
class Mark:
    """Write the execution's id and its finalizers into its metadata; the first write there is."""

    execution_id: str
    finalizers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Purge:
    """Delete the execution's data, then let the resource go. `hurry` lets it go whatever is left."""

    hurry: bool


Step: TypeAlias = Freeze | MakePod | EndJournal | EndDeleted | ExpireWait | Mark | Purge


@dataclass(frozen=True, slots=True)
class Notice:
    """A Kubernetes Event. `key` makes it one of its kind for its object, however often it is written."""

    key: str
    kind: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a pass does, in this order.

    `mark` comes before `step` and `status` is written last, with the resourceVersion that was read before the log
    was (rule 24); it is None when nothing changed. `urgent` is False when only counters did, which have a budget
    of their own. `notices` go out once the status is written. `at_work` says that a runner may be writing the log,
    which is looked at then, and `boots` that its process has begun and its fence is not seen yet; `again` is when to
    make a whole pass, if nothing calls for one before.
    """

    deletes: tuple[DeletePod, ...] = ()
    verdicts: tuple[Judge | Refuse, ...] = ()
    removals: tuple[RemoveAnswer, ...] = ()
    mark: Mark | None = None
    step: Step | None = None
    status: ExecutionStatus | None = None
    urgent: bool = True
    notices: tuple[Notice, ...] = ()
    at_work: bool = False
    boots: bool = False
    again: datetime | None = None
