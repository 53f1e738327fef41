"""What a log says so far, in the few facts that operator, clients and a starting runner need.

A head is folded slot by slot, always from slot 0 (rule 8b), with one function for everybody: a runner, an
operator and the model's exhaustive search must never disagree about what a log says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from kitaru.core import journal
from kitaru.core.journal import Failure, Slot, Value


class State(StrEnum):
    """What the log's end records say. A fence turns parked and failed back into running (rule 9)."""

    RUNNING = "running"
    PARKED = "parked"
    FAILED = "failed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


FINAL = frozenset({State.COMPLETED, State.CANCELLED})
ENDS = FINAL | {State.PARKED, State.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWait:
    """A wait that is opened and neither answered nor expired in the log. `slot` is where it was opened."""

    id: str
    name: str
    slot: int
    since: datetime
    question: str | None = None
    schema: str | None = None
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The log from slot 0 up to, not including, slot `next`.

    `epoch` is the highest seen; `end` the epoch of the record that ended an attempt, while `state` is that end;
    `failures` the number of FAILED records; `idle` the epoch of an IDLE that stands, else 0 (rule 11); `worked`
    the epoch of the last record that is not a fence (rule 25). `finished` counts calls that ended, `failed_calls`
    those of them that ended badly, `current` is the call that began last and has not ended.
    """

    next: int = 0
    state: State = State.RUNNING
    epoch: int = 0
    end: int = 0
    failures: int = 0
    idle: int = 0
    worked: int = 0
    waits: tuple[OpenWait, ...] = ()
    finished: int = 0
    failed_calls: int = 0
    current: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    result: Value | None = None
    failure: Failure | None = None
    reason: str | None = None

    @property
    def final(self) -> bool:
        """Whether nothing may ever be appended: completed or cancelled."""
        return self.state in FINAL

    def is_open(self, wait: str) -> bool:
        """Whether this wait is opened and not closed."""
        return any(one.id == wait for one in self.waits)


def fold(head: Head, slots: Iterable[Slot]) -> Head:
    """Return the head after `slots`, which must begin at `head.next` and have no gap."""
    for slot in slots:
        for record in slot.records:
            head = _record(head, slot.epoch, record)
        head = dataclasses.replace(head, next=head.next + 1, epoch=max(head.epoch, slot.epoch))
    return head


def _record(head: Head, epoch: int, record: journal.Record) -> Head:
    head = _marks(head, epoch, record)
    match record:
        case journal.Fence():
            if head.final:
                return head
            started = head.started_at or record.at
            return dataclasses.replace(head, state=State.RUNNING, end=0, started_at=started, ended_at=None)
        case journal.Begun():
            return dataclasses.replace(head, current=record.call)
        case journal.Returned():
            return _ended(head, record.call, failed=0)
        case journal.Raised():
            return _ended(head, record.call, failed=1)
        case journal.WaitOpened():
            return dataclasses.replace(head, waits=(*head.waits, _open(head, record)))
        case journal.Answered() | journal.Expired():
            waits = tuple(one for one in head.waits if one.id != record.wait)
            return dataclasses.replace(head, waits=waits)
        case journal.Parked() | journal.Failed() | journal.Completed() | journal.Cancelled():
            return head if head.final else _end(head, epoch, record)
        case journal.Idle() | journal.Logged() | journal.Retried() | journal.Tried():
            return head
        case _:
            assert_never(record)


def _marks(head: Head, epoch: int, record: journal.Record) -> Head:
    """Fold what does not depend on the record's content: IDLE stands until a record that is not a `wait_opened`."""
    if isinstance(record, journal.Idle):
        idle = epoch
    elif isinstance(record, journal.WaitOpened):
        idle = head.idle
    else:
        idle = 0
    worked = head.worked if isinstance(record, journal.Fence) else epoch
    if idle == head.idle and worked == head.worked:
        return head
    return dataclasses.replace(head, idle=idle, worked=worked)


def _ended(head: Head, call: str, *, failed: int) -> Head:
    return dataclasses.replace(
        head,
        finished=head.finished + 1,
        failed_calls=head.failed_calls + failed,
        current=None if head.current == call else head.current,
    )


def _open(head: Head, record: journal.WaitOpened) -> OpenWait:
    return OpenWait(
        id=record.wait,
        name=record.name,
        slot=head.next,
        since=record.at,
        question=record.question,
        schema=record.schema,
        deadline=record.deadline,
    )


def _end(
    head: Head, epoch: int, record: journal.Parked | journal.Failed | journal.Completed | journal.Cancelled
) -> Head:
    head = dataclasses.replace(head, end=epoch, current=None)
    match record:
        case journal.Parked():
            return dataclasses.replace(head, state=State.PARKED)
        case journal.Failed():
            return dataclasses.replace(
                head,
                state=State.FAILED,
                failures=head.failures + 1,
                failure=record.failure,
                ended_at=record.at,
            )
        case journal.Completed():
            return dataclasses.replace(head, state=State.COMPLETED, result=record.value, ended_at=record.at)
        case journal.Cancelled():
            return dataclasses.replace(head, state=State.CANCELLED, reason=record.reason, ended_at=record.at)
        case _:
            assert_never(record)
