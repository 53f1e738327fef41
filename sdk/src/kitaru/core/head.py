"""What a log says so far, in the few facts that operator, clients and a starting runner need.

A head is folded slot by slot, always from slot 0 (rule 8b), with one function for everybody: a
runner, an operator and the model's exhaustive search must never disagree about what a log says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from kitaru.core import journal
from kitaru.core.journal import (
    Answered,
    Begun,
    Cancelled,
    Completed,
    Expired,
    Failed,
    Failure,
    Fence,
    Parked,
    Raised,
    Record,
    Returned,
    Slot,
    Value,
    WaitOpened,
)


class State(StrEnum):
    """What the log's end records say. A fence turns parked and failed into running (rule 9)."""

    RUNNING = "running"
    PARKED = "parked"
    FAILED = "failed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


FINAL = frozenset({State.COMPLETED, State.CANCELLED})
ENDS = FINAL | {State.PARKED, State.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWait:
    """A wait that is opened and neither answered nor expired in the log, opened in `slot`."""

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

    `epoch` is the highest seen; `end` the epoch of the record that ended an attempt, while `state`
    is that end; `failures` the number of FAILED records; `idle` the epoch of an IDLE that stands,
    else 0 (rule 11); `worked` the epoch of the last record that is not a fence (rule 25).
    `finished` counts calls that ended, `failed_calls` those of them that ended badly; `current` is
    the call that this attempt began last, if it has not ended.
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

    def without_result(self) -> Head:
        """Return the head without the value that the flow returned, which may be large."""
        return self if self.result is None else replace(self, result=None)

    def open_wait(self, wait: str) -> OpenWait | None:
        """Return the wait with this id if it is opened and not closed."""
        return next((one for one in self.waits if one.id == wait), None)

    def is_open(self, wait: str) -> bool:
        """Whether this wait is opened and not closed."""
        return self.open_wait(wait) is not None


def fold(head: Head, slots: Iterable[Slot]) -> Head:
    """Return the head after `slots`, which must begin at `head.next` and have no gap."""
    for slot in slots:
        for record in slot.records:
            head = _record(_marked(head, slot.epoch, record), slot.epoch, record)
        head = replace(head, next=head.next + 1, epoch=max(head.epoch, slot.epoch))
    return head


def _marked(head: Head, epoch: int, record: Record) -> Head:
    """Fold what every record does, whatever it says.

    An IDLE stands until the next record that is not a `wait_opened`, of whatever epoch (rule 11).
    """
    match record:
        case journal.Idle():
            idle = epoch
        case journal.WaitOpened():
            idle = head.idle
        case _:
            idle = 0
    worked = head.worked if isinstance(record, journal.Fence) else epoch
    if idle == head.idle and worked == head.worked:
        return head
    return replace(head, idle=idle, worked=worked)


def _record(head: Head, epoch: int, record: Record) -> Head:
    match record:
        case journal.Begun() | journal.Returned() | journal.Raised():
            return _call(head, record)
        case journal.WaitOpened() | journal.Answered() | journal.Expired():
            return _wait(head, record)
        case journal.Idle() | journal.Logged() | journal.Retried() | journal.Tried():
            return head
        case journal.Fence():
            return head if head.final else _reopened(head, record)
        case journal.Parked() | journal.Failed() | journal.Completed() | journal.Cancelled():
            return head if head.final else _end(head, epoch, record)
        case _:
            assert_never(record)


def _call(head: Head, record: Begun | Returned | Raised) -> Head:
    if isinstance(record, journal.Begun):
        return replace(head, current=record.call)
    return replace(
        head,
        finished=head.finished + 1,
        failed_calls=head.failed_calls + isinstance(record, journal.Raised),
        current=None if head.current == record.call else head.current,
    )


def _wait(head: Head, record: WaitOpened | Answered | Expired) -> Head:
    if not isinstance(record, journal.WaitOpened):
        return replace(head, waits=tuple(one for one in head.waits if one.id != record.wait))
    opened = OpenWait(
        id=record.wait,
        name=record.name,
        slot=head.next,
        since=record.at,
        question=record.question,
        schema=record.schema,
        deadline=record.deadline,
    )
    return replace(head, waits=(*head.waits, opened))


def _reopened(head: Head, record: Fence) -> Head:
    """Rule 9: an attempt has begun, so that it is neither parked nor failed any more."""
    return replace(
        head,
        state=State.RUNNING,
        end=0,
        current=None,
        started_at=head.started_at or record.at,
        ended_at=None,
    )


def _end(head: Head, epoch: int, record: Parked | Failed | Completed | Cancelled) -> Head:
    head = replace(head, end=epoch, current=None)
    match record:
        case journal.Parked():
            return replace(head, state=State.PARKED)
        case journal.Failed(failure=failure, at=at):
            failures = head.failures + 1
            return replace(head, state=State.FAILED, failures=failures, failure=failure, ended_at=at)
        case journal.Completed(value=value, at=at):
            return replace(head, state=State.COMPLETED, result=value, ended_at=at)
        case journal.Cancelled(reason=reason, at=at):
            return replace(head, state=State.CANCELLED, reason=reason, ended_at=at)
        case _:
            assert_never(record)
