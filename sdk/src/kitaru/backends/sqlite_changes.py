"""Changes of a SQLite file that threads want made: those that meet share one transaction, and its way to the disk.

What a commit costs is the wait for the disk. So whoever comes first makes the changes of all who wait by then, and
whoever comes meanwhile waits for the next transaction.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from kitaru.core.capture import Capture

T = TypeVar("T")

#: Makes a change. It may be called again after it was rolled back, and does nothing outside the database.
Act: TypeAlias = Callable[[sqlite3.Connection], T]


@dataclass(slots=True, eq=False)
class Change:
    """A change that a thread wants, and what became of it.

    `lasting` says whether the thread waits for it to be on the disk; else it gets there with the next one that is to.
    `single` says that it is one statement, a transaction by itself.
    """

    make: Act[None]
    lasting: bool
    single: bool
    settled: bool = False
    error: Exception | None = None

    def settle(self, error: BaseException | None) -> None:
        """Take in that it is made, or why it is not."""
        self.error, self.settled = error if isinstance(error, Exception) else None, True


class Queue:
    """The changes that wait. `opened` gives the connection to one thread, for changes that last or for others."""

    def __init__(self, opened: Callable[[bool], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._opened = opened
        self._waiting: deque[Change] = deque()
        #: What is being made. What an interrupted thread left here is made by the next one.
        self._flight: list[Change] = []

    @property
    def waiting(self) -> int:
        """How many changes wait for those that are being made."""
        return len(self._waiting)

    def make(self, act: Act[T], lock: threading.Lock, *, lasting: bool, single: bool) -> T:
        """Make a change, with those of others, and return what it returned. Raises what went wrong.

        `lock` is what a thread has that makes changes.
        """
        made: list[T] = []
        change = Change(lambda connection: made.append(act(connection)), lasting, single)
        self._waiting.append(change)
        with lock:
            if not change.settled:
                self._lead()
        if change.error is not None:
            raise change.error
        return made[-1]

    def clear(self) -> None:
        """Forget what other threads want: in a forked child there are none."""
        self._waiting.clear()
        self._flight.clear()

    def _lead(self) -> None:
        self._flight += [self._waiting.popleft() for _ in range(len(self._waiting))]
        with (
            Capture(Exception) as caught,
            self._opened(any(one.lasting for one in self._flight)) as connection,
        ):
            _together(connection, self._flight)
        for one in self._flight:
            if not one.settled:
                one.settle(caught.error)
        self._flight = []


def _together(connection: sqlite3.Connection, changes: Sequence[Change]) -> None:
    """Make the changes in one transaction; if one of them fails, each for itself."""
    if len(changes) == 1:
        _alone(connection, changes[0])
        return
    with Capture(Exception) as spoilt, transaction(connection):
        for change in changes:
            change.make(connection)
    for change in changes if spoilt.error is not None else ():
        with Capture(Exception) as caught:
            _alone(connection, change)
        change.settle(caught.error)


def _alone(connection: sqlite3.Connection, change: Change) -> None:
    if change.single:
        change.make(connection)
        return
    with transaction(connection):
        change.make(connection)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """Have all statements in the block be one transaction."""
    # At once the writer: a reader that becomes one is refused when another wrote meanwhile.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
