"""Laws of the journal protocol: reading through segments, and writers that race on a store that loses replies."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from hypothesis import given
from hypothesis import strategies as st

from kitaru.backends import log
from kitaru.backends.memory import MemoryStore
from kitaru.backends.objects import Objects
from kitaru.core import head as heads
from kitaru.core import journal, paths, segments
from kitaru.core.head import Head
from kitaru.core.journal import Record, Slot, Value
from kitaru.core.protocol import ender, reader, writer
from kitaru.core.protocol.ender import Ended, Ending, GaveUp
from kitaru.core.protocol.reader import HeadReading, Reading
from kitaru.core.protocol.requests import (
    Found,
    Missing,
    Present,
    ProbeSegment,
    ProbeSlot,
    ReadSegment,
    ReadSlot,
    Reply,
    Request,
    Unknown,
)
from kitaru.core.protocol.writer import Closed, Identity, Ready
from kitaru.core.segments import Segment

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VALUE = Value(codec="json", type="builtins.int", size=1, sha256="", data=1)
SIZE = 4

WAITS = st.sampled_from(["approve", "budget", "legal"])
CALLS = st.integers(0, 9).map(lambda number: f"call_{number}")
RECORDS: st.SearchStrategy[Record] = st.one_of(
    st.just(journal.Fence(at=NOW)),
    st.just(journal.Idle(at=NOW)),
    st.just(journal.Parked(at=NOW)),
    st.just(journal.Failed(failure=journal.Failure(type="ValueError", message="no"), at=NOW)),
    st.just(journal.Completed(value=VALUE, at=NOW)),
    st.just(journal.Cancelled(reason="asked", at=NOW)),
    CALLS.map(lambda call: journal.Begun(call=call, name="c", scope="", occurrence=0, inputs="", head=0, at=NOW)),
    CALLS.map(lambda call: journal.Returned(call=call, value=VALUE, at=NOW)),
    WAITS.map(lambda wait: journal.WaitOpened(wait=wait, name=wait, scope="", occurrence=0, at=NOW)),
    WAITS.map(lambda wait: journal.Answered(wait=wait, request="r", value=None, at=NOW)),
    WAITS.map(lambda wait: journal.Expired(wait=wait, at=NOW)),
)


@st.composite
def logs(draw: st.DrawFn) -> list[Slot]:
    """Draw any log, also one that no execution would write: the fold may not care."""
    epochs = sorted(draw(st.lists(st.integers(1, 5), max_size=30)))
    return [
        Slot(epoch=epoch, writer="w", id=f"w-{number}", records=tuple(draw(st.lists(RECORDS, min_size=1, max_size=3))))
        for number, epoch in enumerate(epochs)
    ]


def cut(slots: list[Slot]) -> dict[int, Segment]:
    """Return the full segments of a log, each cut as a runner cuts it: on the head of the one before."""
    made: dict[int, Segment] = {}
    base = Head()
    for number in range(len(slots) // SIZE):
        made[number] = segments.cut(base, slots[number * SIZE : (number + 1) * SIZE])
        base = made[number].head
    return made


def reply(
    request: ReadSegment | ProbeSegment | ReadSlot | ProbeSlot, slots: list[Slot], there: dict[int, Segment]
) -> Reply:
    """Return what a store says that holds these slots and segments."""
    match request:
        case ReadSegment(number):
            return Found(there[number]) if number in there else Missing()
        case ProbeSegment(number):
            return Present() if number in there else Missing()
        case ProbeSlot(number):
            return Present() if number < len(slots) else Missing()
        case ReadSlot(number):
            return Found(slots[number]) if number < len(slots) else Missing()


@given(slots=logs(), left_out=st.sets(st.integers(0, 8)), known=st.none() | st.integers(0, 30))
def test_a_head_read_through_segments_is_the_fold_of_the_slots(
    slots: list[Slot], left_out: set[int], known: int | None
) -> None:
    """Rule 8c: whatever segments there are, and from whatever head one reads on, the head is that of all slots."""
    there = {number: segment for number, segment in cut(slots).items() if number not in left_out}
    from_head = None if known is None else heads.fold(Head(), slots[:known])
    state: HeadReading | Head = reader.head(from_head, size=SIZE)
    while not isinstance(state, Head):
        state = reader.told(state, reply(state.request, slots, there))
    assert state == heads.fold(Head(), slots)


@given(slots=logs(), known=st.none() | st.integers(0, 30), speed=st.integers(1, 3))
def test_a_log_that_grows_as_fast_as_it_is_read_is_read_to_where_it_was(
    slots: list[Slot], known: int | None, speed: int
) -> None:
    """Rule 8c: a reader comes to an end, and has read all that was there when it began."""
    from_head = None if known is None else heads.fold(Head(), slots[:known])
    log = list(slots)
    state: HeadReading | Head = reader.head(from_head, size=SIZE)
    for _ in range(20 * (len(slots) + 10)):
        state = reader.told(state, reply(state.request, log, {}))
        if isinstance(state, Head):
            break
        log += [grown(len(log) + one) for one in range(speed)]
    assert isinstance(state, Head)
    assert state.next >= len(slots)
    assert state == heads.fold(Head(), log[: state.next])


def grown(number: int) -> Slot:
    """Return the slot that a writer of epoch 9 adds at this number."""
    return Slot(epoch=9, writer="w", id=f"g-{number}", records=(journal.Fence(at=NOW),))


@given(slots=logs(), left_out=st.sets(st.integers(0, 8)))
def test_a_log_read_through_segments_is_its_slots(slots: list[Slot], left_out: set[int]) -> None:
    """Rule 8c: a reader of the whole log gets every slot once, in order."""
    there = {number: segment for number, segment in cut(slots).items() if number not in left_out}
    read: list[Slot] = []
    state: Reading | Head = Reading()
    while isinstance(state, Reading):
        told = reply(state.request, slots, there)
        match told:
            case Found(Segment() as segment):
                read.extend(segment.slots)
            case Found(Slot() as slot):
                read.append(slot)
            case _:
                pass
        state = state.told(told)
    assert read == slots
    assert state == heads.fold(Head(), slots)


@given(slots=logs())
def test_a_segment_survives_its_encoding(slots: list[Slot]) -> None:
    """What is read of a segment is what was written."""
    segment = segments.cut(Head(), slots)
    assert segments.decode(segments.encode(segment)) == segment


class Fate(StrEnum):
    """What becomes of a request."""

    FINE = "answered"
    LOST = "took effect, no answer"
    DROPPED = "never arrived, no answer"


@dataclass
class Racer:
    """A writer that appends one record after another until it is refused, one request a step."""

    objects: Objects
    state: writer.Writer
    acknowledged: dict[int, str] = field(default_factory=dict[int, str])
    appended: int = 0

    def step(self, fate: Fate) -> None:
        if isinstance(self.state, Closed):
            return
        if isinstance(self.state, Ready):
            self.appended += 1
            call = f"{self.state.me.writer}-{self.appended}"
            self.state = writer.append(self.state, [journal.Returned(call=call, value=VALUE, at=NOW)])
        before = self.state
        self.state = writer.told(before, told(self.objects, writer.request(before), fate))
        if isinstance(before, writer.Appending) and isinstance(self.state, Ready):
            self.acknowledged[before.head.next] = before.slot.id


@dataclass
class Canceller:
    """An operator that cancels, one request a step."""

    objects: Objects
    state: ender.Ender

    def step(self, fate: Fate) -> None:
        if not isinstance(self.state, Ended | GaveUp):
            self.state = ender.told(self.state, told(self.objects, ender.request(self.state), fate))


def told(objects: Objects, request: Request, fate: Fate) -> Reply:
    """Return what a machine is told of a request with this fate."""
    if fate is Fate.DROPPED:
        return Unknown()
    answer = objects.perform(request)
    return answer if fate is Fate.FINE else Unknown()


SCHEDULES = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(Fate)), max_size=60)


@given(schedule=SCHEDULES, cancel_as=st.integers(1, 5))
def test_writers_that_race_leave_one_history(schedule: list[tuple[int, Fate]], cancel_as: int) -> None:
    """Rules 4 to 9 and 18: whatever the order and whichever replies are lost, what was acknowledged stands for good."""
    store, where = MemoryStore(), paths.execution("", "team", "uid")
    objects = Objects(store, where)
    fence = journal.Fence(at=NOW)
    racers = [Racer(objects, writer.begin(Identity(epoch=n, writer=f"w{n}"), fence)) for n in (1, 2, 3)]
    ending = Ending(number=cancel_as, writer="op", record=journal.Cancelled(reason="", at=NOW), insist=True)
    everyone = [*racers, Canceller(objects, ender.begin(ending, Head()))]
    for who, fate in schedule:
        everyone[who].step(fate)
    slots = log.read_slots(store, where)
    epochs = [slot.epoch for slot in slots]
    assert epochs == sorted(epochs)
    assert all(
        slot.records[0].kind in {"fence", "cancelled"}
        for slot, last in zip(slots, [0, *epochs], strict=False)
        if slot.epoch != last
    )
    assert len({(slot.epoch, slot.writer) for slot in slots}) == len(set(epochs))
    assert len({slot.id for slot in slots}) == len(slots)
    for racer in racers:
        assert {number: slots[number].id for number in racer.acknowledged} == racer.acknowledged
    assert all(slot.records[-1].kind != "cancelled" for slot in slots[:-1])
