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
    known = _Known(head)
    for slot in slots:
        for record in slot.records:
            known.mark(slot.epoch, record)
            known.take(slot.epoch, record)
        known.next += 1
        known.epoch = max(known.epoch, slot.epoch)
    return known.head()


class _Known:
    """A head while it is folded: changed in place, since a new one for each record takes longer than all else."""

    def __init__(self, head: Head) -> None:
        self.next, self.epoch, self._end = head.next, head.epoch, head.end
        self._state, self._failures, self._idle, self._worked = head.state, head.failures, head.idle, head.worked
        self._waits, self._finished, self._failed_calls = head.waits, head.finished, head.failed_calls
        self._current, self._started_at, self._ended_at = head.current, head.started_at, head.ended_at
        self._result, self._failure, self._reason = head.result, head.failure, head.reason

    def head(self) -> Head:
        """Return what is known by now."""
        return Head(
            next=self.next,
            state=self._state,
            epoch=self.epoch,
            end=self._end,
            failures=self._failures,
            idle=self._idle,
            worked=self._worked,
            waits=self._waits,
            finished=self._finished,
            failed_calls=self._failed_calls,
            current=self._current,
            started_at=self._started_at,
            ended_at=self._ended_at,
            result=self._result,
            failure=self._failure,
            reason=self._reason,
        )

    def mark(self, epoch: int, record: Record) -> None:
        """Fold what every record does, whatever it says.

        An IDLE stands until the next record that is not a `wait_opened`, of whatever epoch (rule 11).
        """
        if isinstance(record, journal.Idle):
            self._idle = epoch
        elif not isinstance(record, journal.WaitOpened):
            self._idle = 0
        if not isinstance(record, journal.Fence):
            self._worked = epoch

    def take(self, epoch: int, record: Record) -> None:
        """Fold what the record says."""
        match record:
            case journal.Begun() | journal.Returned() | journal.Raised():
                self._call(record)
            case journal.WaitOpened() | journal.Answered() | journal.Expired():
                self._wait(record)
            case journal.Idle() | journal.Logged() | journal.Retried() | journal.Tried():
                pass
            case journal.Fence():
                if self._state not in FINAL:
                    self._reopened(record)
            case journal.Parked() | journal.Failed() | journal.Completed() | journal.Cancelled():
                if self._state not in FINAL:
                    self._ended(epoch, record)
            case _:
                assert_never(record)

    def _call(self, record: Begun | Returned | Raised) -> None:
        if isinstance(record, journal.Begun):
            self._current = record.call
            return
        self._finished += 1
        self._failed_calls += isinstance(record, journal.Raised)
        if self._current == record.call:
            self._current = None

    def _wait(self, record: WaitOpened | Answered | Expired) -> None:
        if not isinstance(record, journal.WaitOpened):
            self._waits = tuple(one for one in self._waits if one.id != record.wait)
            return
        opened = OpenWait(
            id=record.wait,
            name=record.name,
            slot=self.next,
            since=record.at,
            question=record.question,
            schema=record.schema,
            deadline=record.deadline,
        )
        self._waits = (*self._waits, opened)

    def _reopened(self, record: Fence) -> None:
        """Rule 9: an attempt has begun, so that it is neither parked nor failed any more."""
        self._state, self._end, self._current = State.RUNNING, 0, None
        self._started_at, self._ended_at = self._started_at or record.at, None

    def _ended(self, epoch: int, record: Parked | Failed | Completed | Cancelled) -> None:
        self._end, self._current = epoch, None
        match record:
            case journal.Parked():
                self._state = State.PARKED
            case journal.Failed(failure=failure, at=at):
                self._failures += 1
                self._state, self._failure, self._ended_at = State.FAILED, failure, at
            case journal.Completed(value=value, at=at):
                self._state, self._result, self._ended_at = State.COMPLETED, value, at
            case journal.Cancelled(reason=reason, at=at):
                self._state, self._reason, self._ended_at = State.CANCELLED, reason, at
            case _:
                assert_never(record)
