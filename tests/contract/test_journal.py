"""The contract of the Journal port, on every store: what is committed stays, and only one may commit."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from kitaru.backends import log
from kitaru.backends.clock import SystemClock
from kitaru.backends.log import ObjectJournal
from kitaru.core import head as heads
from kitaru.core import journal, paths
from kitaru.core.head import Head, State
from kitaru.core.journal import Answer, Cancelled, Completed, Expiry, Record, Returned, Value, WaitOpened
from kitaru.core.paths import ExecutionPaths
from kitaru.core.protocol.ender import Ended, Ending
from kitaru.core.protocol.writer import Identity
from kitaru.errors import Fenced
from kitaru.ports import Closed, ObjectStore, Opened

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VALUE = Value(codec="json", type="builtins.int", size=1, sha256="", data=1)
PATHS = paths.execution("kitaru", "team", "uid-1")


def opened(store: ObjectStore, epoch: int = 1, at: ExecutionPaths = PATHS) -> ObjectJournal:
    """Return the open journal of an attempt."""
    made = ObjectJournal(store, at, Identity(epoch=epoch, writer=f"writer-{epoch}"), SystemClock())
    assert isinstance(made.open(), Opened)
    return made


def returned(call: str) -> Returned:
    """Return the record of a call's result."""
    return Returned(call=call, value=VALUE, at=NOW)


def calls(store: ObjectStore) -> list[str]:
    """Return the calls whose results are in the log, in its order."""
    slots = log.read_slots(store, PATHS)
    return [one.call for slot in slots for one in slot.records if isinstance(one, Returned)]


def test_an_append_is_read_back(store: ObjectStore) -> None:
    """What `append` returned for is in the log, in the slot that it named."""
    mine = opened(store)
    number = mine.append([returned("a"), returned("b")])
    assert log.read_slots(store, PATHS)[number].records == (returned("a"), returned("b"))


def test_a_successor_reads_everything(store: ObjectStore) -> None:
    """The next attempt gets every slot, its own fence the last, and the head that follows from them."""
    opened(store).append([returned("a")])
    made = ObjectJournal(store, PATHS, Identity(epoch=2, writer="writer-2"), SystemClock()).open()
    assert isinstance(made, Opened)
    assert [slot.records[0].kind for slot in made.slots] == ["fence", "returned", "fence"]
    assert made.head == heads.fold(Head(), made.slots)


def test_a_successor_fences_its_predecessor(store: ObjectStore) -> None:
    """Once a newer attempt has fenced, the older one commits nothing, ever again."""
    old = opened(store)
    new = opened(store, epoch=2)
    for _ in range(2):
        with pytest.raises(Fenced, match="newer attempt"):
            old.append([returned("late")])
    new.append([returned("mine")])
    assert calls(store) == ["mine"]


@pytest.mark.parametrize(
    ("end", "state"),
    [(Completed(value=VALUE, at=NOW), State.COMPLETED), (Cancelled(reason="", at=NOW), State.CANCELLED)],
    ids=["completed", "cancelled"],
)
def test_what_is_over_is_not_opened(store: ObjectStore, end: Record, state: State) -> None:
    """An attempt that comes too late is told so, and leaves no trace in the log."""
    opened(store).append([end])
    before = log.read_slots(store, PATHS)
    late = ObjectJournal(store, PATHS, Identity(epoch=2, writer="writer-2"), SystemClock()).open()
    assert isinstance(late, Closed)
    assert (late.head.state, log.read_slots(store, PATHS)) == (state, before)


def test_two_processes_of_one_attempt(store: ObjectStore) -> None:
    """Of two processes with the same number one gets the journal."""
    opened(store)
    twin = ObjectJournal(store, PATHS, Identity(epoch=1, writer="twin"), SystemClock()).open()
    assert isinstance(twin, Closed)


def test_threads_share_a_journal(store: ObjectStore) -> None:
    """Appends of many threads are all there, each once, in the slot that each was told."""
    mine, told = opened(store), dict[str, int]()

    def work(name: str) -> None:
        for number in range(5):
            told[f"{name}{number}"] = mine.append([returned(f"{name}{number}")])

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    slots = log.read_slots(store, PATHS)
    found = {one.call: number for number, slot in enumerate(slots) for one in slot.records if isinstance(one, Returned)}
    assert found == told
    assert sorted(calls(store)) == sorted(told)


def test_a_long_log_is_read_through_segments(store: ObjectStore) -> None:
    """Full segments are left behind, and say the same as the slots that they repeat."""
    mine = opened(store)
    for number in range(2 * paths.SEGMENT):
        mine.append([returned(f"c{number}")])
    mine.close()
    whole = log.read_slots(store, PATHS)
    assert store.head(PATHS.segment(1)) is not None
    assert store.head(PATHS.segment(2)) is None
    assert log.read_head(store, PATHS) == heads.fold(Head(), whole) == mine.head()
    store.delete(PATHS.segment(0))
    assert log.read_slots(store, PATHS) == whole


def test_a_successor_writes_the_segments_that_are_missing(store: ObjectStore) -> None:
    """A segment that an attempt did not come to write is written by the next one."""
    mine = opened(store)
    for number in range(paths.SEGMENT):
        mine.append([returned(f"c{number}")])
    mine.close()
    store.delete(PATHS.segment(0))
    opened(store, epoch=2).close()
    assert store.head(PATHS.segment(0)) is not None


def test_the_first_decision_stands(store: ObjectStore) -> None:
    """Of two decisions for a wait the first is stored, and both senders are told which."""
    answer = Answer(request="r1", value={"approved": True}, at=NOW, answered_by="ann")
    mine = opened(store)
    assert mine.decision("approve") is None
    assert log.store_decision(store, PATHS, "approve", answer) == answer
    assert log.store_decision(store, PATHS, "approve", Expiry(at=NOW)) == answer
    assert mine.decision("approve") == log.read_decision(store, PATHS, "approve") == answer


def test_ending_an_execution_fences_its_runner(store: ObjectStore) -> None:
    """A cancelled execution takes nothing more from the attempt that still runs."""
    mine = opened(store)
    mine.append([WaitOpened(wait="w", name="w", scope="", occurrence=0, at=NOW)])
    seen = log.read_head(store, PATHS)
    mine.append([returned("meanwhile")])
    ending = Ending(number=2, writer="operator", record=Cancelled(reason="asked", at=NOW))
    assert isinstance(log.end_execution(store, PATHS, ending, seen, SystemClock()), Ended)
    with pytest.raises(Fenced):
        mine.append([returned("late")])
    assert (log.read_head(store, PATHS).state, calls(store)) == (State.CANCELLED, ["meanwhile"])


def test_a_head_is_read_on(store: ObjectStore) -> None:
    """A head that is known is read on from there."""
    mine = opened(store)
    known = log.read_head(store, PATHS)
    assert log.read_head(store, PATHS, known) == known
    mine.append([journal.Parked(at=NOW)])
    assert log.read_head(store, PATHS, known).state is State.PARKED


def test_who_claimed_an_epoch_can_be_read(store: ObjectStore) -> None:
    """A claim names its writer; an epoch that nobody claimed has none."""
    opened(store)
    claim = log.read_claim(store, PATHS, 1)
    assert claim is not None
    assert (claim.writer, log.read_claim(store, PATHS, 2)) == ("writer-1", None)
