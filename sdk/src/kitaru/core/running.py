"""How long an execution has run, as its journal tells it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from kitaru.core import journal
from kitaru.core.journal import Record

_TURNS: Final = frozenset(
    {journal.Fence, journal.Idle, journal.Failed, journal.Parked, journal.Completed, journal.Cancelled}
)


class RunningTime:
    """The running time of an execution in seconds, folded from its records in the order of the log.

    It runs from the fence of an attempt to that attempt's last record, but not from an IDLE to the answer or expiry
    after it. So waiting does not count, nor time in which no process runs it, nor what a process that died did after
    its last record. A retry that is granted to a failed execution begins at nothing again.
    """

    def __init__(self) -> None:
        self._spent = 0.0
        #: Until when it is counted, None while no attempt runs.
        self._until: datetime | None = None
        self._idle = False

    def take(self, record: Record) -> None:
        """Take one more record."""
        if type(record) in _TURNS:
            self._turn(record)
        elif self._idle and isinstance(record, journal.WaitOpened):
            pass  # the runner still stays (rule 11)
        else:
            # Spelled out, because this is done for each call of a long history.
            if not self._idle and self._until is not None and record.at > self._until:
                self._spent += (record.at - self._until).total_seconds()
            if self._idle or self._until is None or record.at > self._until:
                self._until = record.at
            self._idle = False

    def _turn(self, record: Record) -> None:
        """Take a record at which the time begins to run, or ends."""
        if not isinstance(record, journal.Fence) and not self._idle:
            self._spent = self.spent(record.at)
        match record:
            case journal.Fence():
                self._until, self._idle = record.at, False
            case journal.Idle():
                self._until, self._idle = record.at, True
            case journal.Failed():
                self._spent, self._until, self._idle = 0.0, None, False
            case _:
                self._until, self._idle = None, False

    def spent(self, now: datetime) -> float:
        """Return the seconds until `now`. Clocks may go back: time never does."""
        if self._idle or self._until is None:
            return self._spent
        return self._spent + max(0.0, (now - self._until).total_seconds())
