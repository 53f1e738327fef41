"""A clock that a test turns on by weeks, while code that polls goes on at its real pace."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from kitaru.backends.clock import SystemClock

#: What the clock shows when nothing else is asked for.
START: Final = datetime(2026, 1, 1, tzinfo=UTC)


class TurnedClock:
    """Real time from `start` on, and what `advance` adds to it. The Clock port.

    A delay between tries passes at once: the clock jumps over it. Whatever else sleeps, sleeps as long as it says.
    """

    def __init__(self, start: datetime = START) -> None:
        self._real = SystemClock()
        self._began = self._real.monotonic()
        self._start = start
        self._added = 0.0
        self._guard = threading.Lock()
        self._numbers = itertools.count()
        self._alarms: dict[int, tuple[float, Callable[[], None], Callable[[], None]]] = {}

    def now(self) -> datetime:
        """Return the time of day, in UTC, aware."""
        return self._start + timedelta(seconds=self.monotonic() - self._began)

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        return self._real.monotonic() + self._added

    def sleep(self, seconds: float) -> None:
        """Return after `seconds` of real time."""
        self._real.sleep(seconds)

    def alarm(self, seconds: float, ring: Callable[[], None], *, asleep: bool = False) -> Callable[[], None]:
        """Have `ring` called once when `seconds` have passed, or were jumped over; return what takes it back."""
        if asleep:
            self.advance(seconds)
            ring()
            return _nothing
        number = next(self._numbers)
        with self._guard:
            cancel = self._real.alarm(seconds, partial(self._rings, number))
            self._alarms[number] = (self.monotonic() + seconds, ring, cancel)
        return partial(self._cancel, number)

    def advance(self, by: timedelta | float) -> None:
        """Let time pass: a timedelta, or seconds. Time limits that end meanwhile end now, deadlines pass."""
        seconds = by.total_seconds() if isinstance(by, timedelta) else by
        with self._guard:
            self._added += max(0.0, seconds)
            now = self.monotonic()
            due = [number for number, (at, _, _) in self._alarms.items() if at <= now]
        for number in due:
            self._rings(number)

    def _rings(self, number: int) -> None:
        with self._guard:
            found = self._alarms.pop(number, None)
        if found is not None:
            found[2]()
            found[1]()

    def _cancel(self, number: int) -> None:
        with self._guard:
            found = self._alarms.pop(number, None)
        if found is not None:
            found[2]()


def _nothing() -> None:
    """Take nothing back: it has rung."""
