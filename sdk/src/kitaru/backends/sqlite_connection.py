"""Connections to a SQLite file that many threads and processes write, some of which fork."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import weakref
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final, TypeVar

from kitaru.backends import sqlite_changes
from kitaru.backends.clock import SystemClock
from kitaru.backends.sqlite_changes import Act, Queue
from kitaru.errors import StoreUnavailableError

#: Seconds that a write waits for the writes of other processes.
PATIENCE: Final = 30.0
#: Bytes of the turn's file that are locked: the first place in the queue, and the turn itself.
_QUEUE, _TURN = 0, 1
#: Seconds between looks, at the queue and at its head. Only one process looks at the turn.
_PAUSES: Final = {_QUEUE: 0.002, _TURN: 0.0002}
#: Whether a commit waits for the disk. In a write-ahead log, one that does takes all before it along; the others may be
#: lost at a power cut, the last ones first, and break nothing.
_SYNCHRONOUS: Final = {True: "PRAGMA synchronous = FULL", False: "PRAGMA synchronous = NORMAL"}

T = TypeVar("T")


class Turn:
    """Whose turn to write it is among processes, by locks that the kernel gives back when one dies.

    SQLite's own waiting is sleeping and looking again, so that a process that writes all the time can keep others out
    for as long as it likes. Here the next one stands at the head of the queue before the turn is free, and whoever
    wrote last comes after it. The database does not rely on this: its own locks exclude writers.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._clock = SystemClock()

    @contextmanager
    def taken(self) -> Generator[None]:
        """Have the turn within the block. One thread of a process at a time may ask."""
        self._take(_QUEUE)
        try:
            self._take(_TURN)
        finally:
            self._give(_QUEUE)
        try:
            yield
        finally:
            self._give(_TURN)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _take(self, place: int) -> None:
        end = self._clock.monotonic() + PATIENCE
        while True:
            try:
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except (BlockingIOError, PermissionError) as error:
                if self._clock.monotonic() > end:
                    message = f"Another process has kept the store from being written for {PATIENCE:g} s."
                    raise StoreUnavailableError(message) from error
                self._clock.sleep(_PAUSES[place])
            else:
                return

    def _give(self, place: int) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, place)


class Connection:
    """A connection to the database that one thread uses at a time, opened when it is needed.

    One with a lock commits faster than one a thread: SQLite lets threads wait for each other by sleeping, the lock by
    queueing. It takes the turn, if it is given one, for all that it does. Before the process forks it is closed, and
    both processes open their own: SQLite's locks, and what it knows of them, do not survive a fork.
    """

    def __init__(self, path: Path, *, lasting: bool, turn: Turn | None = None) -> None:
        self._path = path
        self._lasting = lasting
        self._turn = turn
        self._lock = threading.Lock()
        self._open: sqlite3.Connection | None = None
        self._closed = False
        #: Whether the lock was taken for a fork that is under way.
        self._paused = False
        self._inherited: list[sqlite3.Connection] = []
        self._changes = Queue(lambda lasting: self._given(lasting=lasting))
        #: Whether the connection's commits wait for the disk, as it is set now.
        self._synced = lasting
        _at_fork(self)

    @contextmanager
    def alone(self) -> Generator[sqlite3.Connection, None, None]:
        """Give the connection to this thread; each statement is a transaction."""
        with self._lock:
            if self._turn is None:
                yield self._opened()
            else:
                with self._given(lasting=True) as connection:
                    yield connection

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection, None, None]:
        """Give the connection to this thread; all statements are one transaction."""
        with self.alone() as connection, sqlite_changes.transaction(connection):
            yield connection

    def change(self, act: Act[T], *, lasting: bool = True, single: bool = False) -> T:
        """Have a change made, in one transaction with those that other threads want now; return what `act` returned.

        On the disk then, or if it is not `lasting` some time, but not after what is changed later. `act` may be called
        by another thread, and again after it was rolled back; `single` says that it executes one statement.
        """
        return self._changes.make(act, self._lock, lasting=lasting, single=single)

    def close(self) -> None:
        """Close the connection for good, once no thread uses it."""
        with self._lock:
            self._closed = True
            self._shut()

    def before_fork(self) -> None:
        """Close the connection, and let no thread use it until after the fork."""
        self._paused = self._lock.acquire(timeout=PATIENCE)
        if self._paused:
            self._shut()

    def after_fork_in_parent(self) -> None:
        """Let threads use it again."""
        if self._paused:
            self._paused = False
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Let this process's one thread use it."""
        self._lock = threading.Lock()
        self._changes.clear()
        if not self._paused and self._open is not None:
            # A thread of the parent's is in the middle of it: the child may neither use nor close it.
            self._inherited.append(self._open)
            self._open = None
        self._paused = False

    @contextmanager
    def _given(self, *, lasting: bool) -> Generator[sqlite3.Connection, None, None]:
        """Give the connection to the thread that has the lock, for changes that last or that need not yet."""
        with nullcontext() if self._turn is None else self._turn.taken():
            connection = self._opened()
            if self._synced != (lasting and self._lasting):
                self._synced = not self._synced
                connection.execute(_SYNCHRONOUS[self._synced])
            yield connection

    def _opened(self) -> sqlite3.Connection:
        if self._closed:
            message = "Cannot operate on a closed database."
            raise sqlite3.ProgrammingError(message)
        if self._open is None:
            opened = sqlite3.connect(self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
            for pragma in (
                "PRAGMA journal_mode = WAL",
                _SYNCHRONOUS[self._lasting],
                "PRAGMA fullfsync = ON",  # macOS: through the drive's own cache
                "PRAGMA checkpoint_fullfsync = ON",
            ):
                opened.execute(pragma)
            self._open, self._synced = opened, self._lasting
        return self._open

    def _shut(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


def _at_fork(connection: Connection) -> None:
    found = weakref.ref(connection)

    def before() -> None:
        living = found()
        if living is not None:
            living.before_fork()

    def in_parent() -> None:
        living = found()
        if living is not None:
            living.after_fork_in_parent()

    def in_child() -> None:
        living = found()
        if living is not None:
            living.after_fork_in_child()

    os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)
