"""Alarms on a clock: one thread for all of them, while there are any."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

#: Seconds for which the thread stays when there is no alarm: calls with a time limit follow one another.
_LINGER: Final = 1.0


class Alarms:
    """Calls functions when their time has come. Its methods may be called from several threads."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._wanted: dict[int, tuple[float, Callable[[], None]]] = {}
        self._numbers = itertools.count()
        self._next = 0.0
        self._thread: threading.Thread | None = None

    def set(self, seconds: float, ring: Callable[[], None]) -> Callable[[], None]:
        """Have `ring` called once after `seconds`, in the thread of the alarms; return what takes it back."""
        at = self._monotonic() + max(0.0, seconds)
        with self._changed:
            number = next(self._numbers)
            self._wanted[number] = (at, ring)
            # A forked child has the object and not its thread, which says there that it does not live.
            if self._thread is None or not self._thread.is_alive():
                # A daemon: an alarm keeps no process.
                self._thread = threading.Thread(target=self._serve, name="kitaru-alarms", daemon=True)
                self._thread.start()
            elif at < self._next:
                self._changed.notify()
        return partial(self._cancel, number)

    def _cancel(self, number: int) -> None:
        with self._changed:
            self._wanted.pop(number, None)

    def _serve(self) -> None:
        while True:
            with self._changed:
                if not self._rest():
                    self._thread = None
                    return
                now = self._monotonic()
                due = sorted((at, number) for number, (at, _) in self._wanted.items() if at <= now)
                rings = [self._wanted.pop(number)[1] for _, number in due]
            for ring in rings:
                ring()

    def _rest(self) -> bool:
        """Wait until the earliest alarm may be due; whether there was one, or came within a while."""
        earliest = min((at for at, _ in self._wanted.values()), default=None)
        now = self._monotonic()
        self._next = now + _LINGER if earliest is None else earliest
        if self._next > now:
            self._changed.wait(self._next - now)
        return earliest is not None or bool(self._wanted)
