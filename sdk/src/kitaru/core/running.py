"""How long an execution has run, as its journal tells it."""

from __future__ import annotations

from datetime import datetime

from kitaru.core import journal
from kitaru.core.journal import Record


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
        if isinstance(record, journal.Fence):
            self._until, self._idle = record.at, False
            return
        if not self._idle:
            self._spent = self.spent(record.at)
        self._until = record.at if self._idle or self._until is None else max(self._until, record.at)
        match record:
            case journal.Idle():
                self._idle = True
            case journal.WaitOpened():
                pass  # the runner still stays (rule 11)
            case journal.Failed():
                self._spent, self._until, self._idle = 0.0, None, False
            case journal.Parked() | journal.Completed() | journal.Cancelled():
                self._until, self._idle = None, False
            case _:
                self._idle = False

    def spent(self, now: datetime) -> float:
        """Return the seconds until `now`. Clocks may go back: time never does."""
        if self._idle or self._until is None:
            return self._spent
        return self._spent + max(0.0, (now - self._until).total_seconds())
