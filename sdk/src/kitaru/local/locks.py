"""Who runs an execution on this computer, by locks that the kernel releases when a process dies.

One lock file for all executions: each locks a byte of its own in it, beyond the file's end. POSIX
record locks fit: a child that user code forks does not inherit them, so a killed parent's
executions are free although its children live on. Their one trap is that closing *any* descriptor
of the file in a process drops all its locks, so it is opened once and never closed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
from pathlib import Path
from typing import Final

from kitaru.local import forks
from kitaru.ports import Clock

#: A looker holds a shared lock for microseconds; one who wants to run tries again for this long.
_PATIENCE: Final = 0.2
_PAUSE: Final = 0.005


class Locks:
    """The locks in one file. Make one a process and file: see the trap above."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._clock = clock
        self._mine: set[str] = set()
        # POSIX locks exclude processes only; this set excludes the threads of this one.
        self._guard = threading.Lock()
        forks.in_child(self._forked)

    def acquire(self, exec_id: str) -> bool:
        """Take the execution's lock; False when somebody else, or another thread, has it."""
        end = self._clock.monotonic() + _PATIENCE
        while True:
            with self._guard:
                if exec_id in self._mine:
                    return False
                if self._lock(exec_id, fcntl.LOCK_EX):
                    self._mine.add(exec_id)
                    return True
            if self._clock.monotonic() >= end:
                return False
            self._clock.sleep(_PAUSE)

    def release(self, exec_id: str) -> None:
        """Give the lock back. No error when it is not ours."""
        with self._guard:
            if exec_id in self._mine:
                self._mine.discard(exec_id)
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, _place(exec_id))

    def is_mine(self, exec_id: str) -> bool:
        """Whether this process has the lock."""
        with self._guard:
            return exec_id in self._mine

    def is_held(self, exec_id: str) -> bool:
        """Whether any living process has the lock."""
        with self._guard:
            if exec_id in self._mine:
                return True
            if not self._lock(exec_id, fcntl.LOCK_SH):
                return True
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, _place(exec_id))
            return False

    def _forked(self) -> None:
        """The kernel gave the child none of the locks, and a thread that is not there may hold the guard."""
        self._guard = threading.Lock()
        self._mine = set()

    def _lock(self, exec_id: str, kind: int) -> bool:
        with contextlib.suppress(BlockingIOError, PermissionError):
            fcntl.lockf(self._descriptor, kind | fcntl.LOCK_NB, 1, _place(exec_id))
            return True
        return False


def _place(exec_id: str) -> int:
    """Return the execution's byte: 62 bits of a hash, so that two never meet."""
    return int.from_bytes(hashlib.sha256(exec_id.encode()).digest()[:8]) >> 2
