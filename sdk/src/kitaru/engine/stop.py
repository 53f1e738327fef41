"""The wish that an attempt end soon, from a signal handler or another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Stop:
    """Set once, by anybody, at any moment; the attempt ends at its next chance.

    Async code is cancelled at its next `await`. A thread cannot be stopped: it ends at its next
    Kitaru call.
    """

    def __init__(self) -> None:
        # Reentrant, as all locks on the way are: a signal handler interrupts whoever holds them.
        self._lock = threading.RLock()
        self._why: str | None = None
        self._listeners: list[Callable[[str], None]] = []

    @property
    def why(self) -> str | None:
        """The reason, None while nobody wants the attempt to end."""
        return self._why

    def set(self, why: str) -> None:
        """Ask for the end, with the reason as a short sentence. Only the first reason counts."""
        with self._lock:
            if self._why is not None:
                return
            self._why = why
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener(why)

    def subscribe(self, listener: Callable[[str], None]) -> None:
        """Call `listener` once with the reason: in the thread that sets it, or now if it is set."""
        with self._lock:
            self._listeners.append(listener)
            why = self._why
        if why is not None:
            listener(why)
