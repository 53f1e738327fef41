"""How a runner stays for an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from kitaru.core.head import OpenWait
from kitaru.ports import Clock

_FIRST: Final = 0.05
_LONGEST: Final = 1.0


class Stay(Protocol):
    """What to do while only an answer can move the body on. Called again and again."""

    def __call__(self, waits: Sequence[OpenWait], seconds: float, /) -> bool:
        """Wait for an answer to one of `waits`, at most `seconds`.

        True: look at the answers again, perhaps for nothing. False: park now. It should return
        within a second or so, because a thread of the body's own may have moved the body on.
        """
        ...


class Polling:
    """Sleeps on the clock, ever longer up to a second, as long as the same waits are open."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waits: tuple[str, ...] = ()
        self._pause = _FIRST

    def __call__(self, waits: Sequence[OpenWait], seconds: float, /) -> bool:
        """Sleep, then say that it is time to look again."""
        ids = tuple(one.id for one in waits)
        self._pause = min(self._pause * 2, _LONGEST) if ids == self._waits else _FIRST
        self._waits = ids
        self._clock.sleep(min(self._pause, seconds))
        return True
