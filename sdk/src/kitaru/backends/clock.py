"""The Clock port on the machine's own clock. The only module that may ask it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from kitaru.backends.alarms import Alarms


class SystemClock:
    """Real time."""

    def __init__(self) -> None:
        self._alarms = Alarms(self.monotonic)

    def now(self) -> datetime:
        """Return the time of day, in UTC, aware."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since an arbitrary moment; never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block this thread for `seconds`; a negative number is zero."""
        time.sleep(max(0.0, seconds))

    def alarm(self, seconds: float, ring: Callable[[], None], *, asleep: bool = False) -> Callable[[], None]:
        """Have `ring` called once after `seconds`, in a thread of the clock's; return what takes it back."""
        del asleep  # real time passes whatever one does
        return self._alarms.set(seconds, ring)
