"""Changes of threads that meet are one transaction, and what goes wrong with one is no other's."""

import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from kitaru.backends.sqlite_changes import Act, Queue, T
from kitaru.backends.sqlite_connection import Connection

SECONDS = 5


class Bench:
    """A queue over a table of numbers, which counts how often the connection was given."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.database.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY)")
        self.given = 0
        self.lock = threading.Lock()
        self.queue = Queue(self.opened)

    @contextmanager
    def opened(self, *_: object) -> Generator[sqlite3.Connection]:
        """Give the connection."""
        self.given += 1
        yield self.database

    def make(self, act: Act[T]) -> T:
        """Make a change."""
        return self.queue.make(act, self.lock, lasting=True, single=False)

    def numbers(self) -> list[int]:
        """Return what the table holds."""
        return [row[0] for row in self.database.execute("SELECT n FROM numbers ORDER BY n")]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Give a queue of its own."""
    return Bench(tmp_path / "numbers.sqlite3")


def insert(n: int) -> Callable[[sqlite3.Connection], int]:
    """Return a change that puts a number into the table, and returns it."""

    def act(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO numbers VALUES (?)", (n,))
        return n

    return act


def meet(bench: Bench, first: Act[int], others: list[Act[int]]) -> list[int | BaseException]:
    """Have `others` come while `first` is being made, and return what became of all."""
    begun, let = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> int:
        begun.set()
        assert let.wait(SECONDS)
        return first(connection)

    with ThreadPoolExecutor(len(others) + 1) as pool:
        futures = [pool.submit(bench.make, slow)]
        assert begun.wait(SECONDS)
        futures += [pool.submit(bench.make, act) for act in others]
        end = time.monotonic() + SECONDS
        while bench.queue.waiting < len(others):
            assert time.monotonic() < end, "the others do not wait"
            time.sleep(0.001)
        let.set()
        return [future.exception(SECONDS) or future.result() for future in futures]


def test_changes_that_meet_share_a_transaction(bench: Bench) -> None:
    """Five that come while one is being made need the connection once."""
    assert meet(bench, insert(0), [insert(n) for n in range(1, 6)]) == [0, 1, 2, 3, 4, 5]
    assert (bench.given, bench.numbers()) == (2, [0, 1, 2, 3, 4, 5])


def test_a_change_that_fails_spoils_no_other(bench: Bench) -> None:
    """Of changes that share a transaction, only the thread whose own cannot be made is told so."""
    zero, one, refused, two = meet(bench, insert(0), [insert(1), insert(0), insert(2)])
    assert (zero, one, two) == (0, 1, 2)
    assert isinstance(refused, sqlite3.IntegrityError)
    assert bench.numbers() == [0, 1, 2]


def test_an_interrupted_thread_leaves_no_other_waiting(bench: Bench) -> None:
    """What a thread had in hand when it was interrupted is made by the next one."""
    raised = iter([True])

    def interrupted(connection: sqlite3.Connection) -> int:
        if next(raised, False):
            raise KeyboardInterrupt
        return insert(1)(connection)

    with pytest.raises(KeyboardInterrupt):
        bench.make(interrupted)
    assert bench.make(insert(2)) == 2
    assert bench.numbers() == [1, 2]


@pytest.mark.parametrize(("lasting", "level"), [(True, 2), (False, 1)], ids=["lasting", "not lasting"])
def test_only_what_lasts_waits_for_the_disk(tmp_path: Path, *, lasting: bool, level: int) -> None:
    """A commit has synchronous FULL (2) for changes that last, and NORMAL (1) for others, whatever came before."""
    connection = Connection(tmp_path / "numbers.sqlite3", lasting=True)

    def read(database: sqlite3.Connection) -> int:
        return database.execute("PRAGMA synchronous").fetchone()[0]

    for before in (True, False):
        connection.change(read, lasting=before, single=True)
        assert connection.change(read, lasting=lasting, single=True) == level
    connection.close()
