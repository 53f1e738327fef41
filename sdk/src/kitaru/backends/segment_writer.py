"""Writing segments, off the commit path: a commit stays one PUT (rule 8b)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from kitaru.backends.objects import Objects, Pause
from kitaru.core import paths, segments
from kitaru.core.head import Head
from kitaru.core.journal import Slot
from kitaru.core.protocol.requests import Created, Found, PutSegment
from kitaru.errors import KitaruBackendError
from kitaru.ports import Clock

#: How long one segment is worth, in seconds. The next attempt writes what this one left out.
PATIENCE: Final = 10.0


class SegmentWriter:
    """Takes committed slots in order, and puts each full segment from a thread of its own.

    A segment only repeats what its slots say, so nothing waits for it and its failure is nobody's.
    """

    def __init__(self, objects: Objects, clock: Clock, base: Head, size: int = paths.SEGMENT) -> None:
        """Begin after `base`, the head of the last segment that was found, or of an empty log."""
        self._objects = objects
        self._clock = clock
        self._base = base
        self._number = base.next // size
        self._size = size
        self._slots: list[Slot] = []
        self._pool: ThreadPoolExecutor | None = None

    def add(self, slots: Sequence[Slot]) -> None:
        """Take the next slots of the log, all of them committed."""
        self._slots.extend(slots)
        while len(self._slots) >= self._size:
            full, self._slots = self._slots[: self._size], self._slots[self._size :]
            self._pool = self._pool or ThreadPoolExecutor(1, "kitaru-segments")
            # The slots are committed: an interpreter that starts no thread any more may not turn that into an error.
            with suppress(RuntimeError):
                self._pool.submit(self._write, self._number, full)
            self._number += 1

    def close(self) -> None:
        """Return once every full segment was written or given up."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    def _write(self, number: int, slots: Sequence[Slot]) -> None:
        segment = segments.cut(self._base, slots)
        self._base = segment.head  # the pool has one thread: the next segment sees it
        pause = Pause(self._clock, PATIENCE)
        try:
            while not isinstance(reply := self._objects.try_once(PutSegment(number, segment)), Created | Found):
                pause.after(reply)
        except KitaruBackendError:
            return
