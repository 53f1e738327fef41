"""The journal on a store that fails: what it waits for, what it gives up, and what it never does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import pytest

from kitaru.backends import faults, log
from kitaru.backends.faults import FaultyStore
from kitaru.backends.log import ObjectJournal
from kitaru.backends.memory import FakeClock, MemoryStore
from kitaru.core import paths
from kitaru.core.journal import Returned
from kitaru.core.protocol.writer import Identity
from kitaru.errors import Fenced, StoreDeniedError, StoreUnavailableError
from kitaru.ports import ObjectStore, Opened
from tests.unit.kitaru.protocol.samples import NOW, VALUE

PATHS = paths.execution("", "team", "uid-1")


def returned(call: str) -> Returned:
    """Return the record of a call's result."""
    return Returned(call=call, value=VALUE, at=NOW)


def opened(store: ObjectStore, patience: float = 300.0) -> ObjectJournal:
    """Return the open journal of attempt 1, on a clock that does not wait."""
    made = ObjectJournal(store, PATHS, Identity(epoch=1, writer="me"), FakeClock(), patience=patience)
    assert isinstance(made.open(), Opened)
    return made


def test_a_lost_reply_commits_once() -> None:
    """A put that took effect and whose reply was lost is found to be ours, in the same slot."""
    store = FaultyStore(MemoryStore(), faults.each("create", PATHS.slot(1), faults.lost_reply()))
    mine = opened(store)
    assert mine.append([returned("a")]) == 1
    assert len(log.read_slots(store, PATHS)) == 2


def test_a_store_that_is_away_is_waited_for() -> None:
    """An append outlasts a store that is away for less than the patience; the waits between the tries grow."""
    away = [faults.unreachable()] * 6
    store, clock = FaultyStore(MemoryStore(), faults.each("create", PATHS.slot(1), *away)), FakeClock()
    mine = ObjectJournal(store, PATHS, Identity(epoch=1, writer="me"), clock)
    assert isinstance(mine.open(), Opened)
    assert mine.append([returned("a")]) == 1
    assert clock.slept == (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)


def test_patience_ends() -> None:
    """A store that stays away ends the journal: nobody knows any more where the log ends."""
    away = [faults.unreachable()] * 100
    mine = opened(FaultyStore(MemoryStore(), faults.each("create", PATHS.slot(1), *away)), patience=20.0)
    with pytest.raises(StoreUnavailableError, match="20 s"):
        mine.append([returned("a")])
    with pytest.raises(Fenced, match="unknown"):
        mine.append([returned("b")])


def test_a_refused_permission_is_not_waited_for() -> None:
    """Waiting does not help against a store that refuses the credentials."""
    mine = opened(FaultyStore(MemoryStore(), faults.each("create", PATHS.slot(1), faults.denied())))
    with pytest.raises(StoreDeniedError):
        mine.append([returned("a")])
    with pytest.raises(Fenced):
        mine.append([returned("b")])


def test_a_journal_that_was_not_opened_takes_nothing() -> None:
    """An append before `open` is refused."""
    with pytest.raises(Fenced, match="not opened"):
        ObjectJournal(MemoryStore(), PATHS, Identity(epoch=1, writer="me"), FakeClock()).append([returned("a")])


def test_an_interrupted_append_is_finished_by_the_next_one() -> None:
    """An interrupt in the middle of a put leaves no gap and no second copy."""
    stop = faults.crash(KeyboardInterrupt(), took_effect=True)
    store = FaultyStore(MemoryStore(), faults.each("create", PATHS.slot(1), stop))
    mine = opened(store)
    with pytest.raises(KeyboardInterrupt):
        mine.append([returned("a")])
    assert mine.append([returned("b")]) == 2
    slots = log.read_slots(store, PATHS)
    assert [slot.records for slot in slots[1:]] == [(returned("a"),), (returned("b"),)]


class Gate(MemoryStore):
    """A store that holds the put of one slot until it is opened."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key
        self.reached = threading.Event()
        self.opened = threading.Event()

    def create(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> bool:
        if key == self._key:
            self.reached.set()
            assert self.opened.wait(timeout=5), "the gate was not opened within 5 s"
        return super().create(key, body, metadata)


def test_appends_that_meet_share_a_slot() -> None:
    """While one append is under way the others wait, and then go into one slot together."""
    gate = Gate(PATHS.slot(1))
    mine = opened(gate)
    slots: dict[str, int] = {}

    def append(call: str) -> Callable[[], None]:
        return lambda: slots.__setitem__(call, mine.append([returned(call)]))

    first = threading.Thread(target=append("first"))
    first.start()
    assert gate.reached.wait(timeout=5), "the first append did not reach the store within 5 s"
    others = [threading.Thread(target=append(f"other{number}")) for number in range(5)]
    for other in others:
        other.start()
    give_up = time.monotonic() + 5
    while mine.waiting < 5:
        assert time.monotonic() < give_up, f"only {mine.waiting} of 5 appends wait after 5 s"
        time.sleep(0.001)
    gate.opened.set()
    for thread in (first, *others):
        thread.join(timeout=5)
    assert slots.pop("first") == 1
    assert set(slots.values()) == {2}


@pytest.mark.parametrize("count", [1, 40], ids=["a short log", "a longer one"])
def test_reading_a_known_head_again_is_one_request(count: int) -> None:
    """With nothing new, an operator's look at a log is one GET, however long the log is."""
    mine = opened(store := FaultyStore(MemoryStore(), lambda _: None))
    for number in range(count):
        mine.append([returned(f"c{number}")])
    known = log.read_head(store, PATHS)
    before = len(store.requests)
    log.read_head(store, PATHS, known)
    assert [one.operation for one in store.requests[before:]] == ["get"]


def test_a_commit_is_one_request() -> None:
    """An append costs one PUT and nothing else."""
    mine = opened(store := FaultyStore(MemoryStore(), lambda _: None))
    before = len(store.requests)
    mine.append([returned("a")])
    assert [one.operation for one in store.requests[before:]] == ["create"]


def test_a_segment_that_cannot_be_written_fails_no_commit() -> None:
    """Segments repeat what slots say: neither a store that refuses them nor a closed writer is an error."""
    refused = [faults.denied()] * 3
    mine = opened(FaultyStore(MemoryStore(), faults.each("create", "segment", *refused)))
    for number in range(2 * paths.SEGMENT):
        mine.append([returned(f"c{number}")])
    mine.close()
    for number in range(paths.SEGMENT):
        mine.append([returned(f"d{number}")])
    assert mine.head().finished == 3 * paths.SEGMENT
