"""Rules 4 to 9: how a runner opens a log, writes into it, and when it must not."""

from __future__ import annotations

import pytest

from kitaru.core import head as heads
from kitaru.core import segments
from kitaru.core.head import Head, State
from kitaru.core.journal import Claim, Record, Slot
from kitaru.core.protocol import writer
from kitaru.core.protocol.requests import (
    ClaimEpoch,
    Created,
    Found,
    Missing,
    PutSlot,
    ReadSegment,
    ReadSlot,
    Reply,
    Request,
)
from kitaru.core.protocol.writer import Appending, Claiming, Closed, Fencing, Identity, Opening, Ready, Why, Writer
from kitaru.errors import JournalBrokenError
from tests.unit.kitaru.protocol import samples
from tests.unit.kitaru.protocol.samples import (
    CANCELLED,
    COMPLETED,
    FAILED,
    FENCE,
    IDLE,
    OPENED,
    PARKED,
    RETURNED,
    slot,
)

ME = Identity(epoch=3, writer="me", pod="pod-uid")


def told(state: Writer, *replies: Reply) -> Writer:
    """Return the state after these replies."""
    for reply in replies:
        assert not isinstance(state, Ready | Closed)
        state = writer.told(state, reply)
    return state


def opening(*slots: Slot, me: Identity = ME) -> Writer:
    """Return the writer after it has claimed its epoch and read a log without segments."""
    return told(writer.begin(me, FENCE), Created(), Missing(), *(Found(one) for one in slots), Missing())


def test_rule_5_a_writer_claims_the_number_it_was_given() -> None:
    """Rules 4 and 5: the claim is for its own number, under a writer id that is not the pod's uid."""
    assert writer.request(writer.begin(ME, FENCE)) == ClaimEpoch(3, Claim(writer="me", pod="pod-uid"))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(Created(), Opening, id="rule 5: ours"),
        pytest.param(Found(Claim(writer="me")), Opening, id="rule 5: refused, but our own: the reply was lost"),
        pytest.param(Found(Claim(writer="other", pod="pod-uid")), Closed, id="rule 4: another process of the same pod"),
    ],
)
def test_rule_5_claiming(reply: Reply, expected: type[Writer]) -> None:
    """Rule 5: refused and not its own, it exits."""
    assert isinstance(told(writer.begin(ME, FENCE), reply), expected)


@pytest.mark.parametrize(
    ("slots", "allowance", "why"),
    [
        pytest.param([slot(4, FENCE)], 0, Why.FENCED, id="rule 6: a higher epoch"),
        pytest.param([slot(1, FENCE), slot(1, COMPLETED)], 9, Why.OVER, id="rule 6: completed"),
        pytest.param([slot(2, CANCELLED)], 9, Why.OVER, id="rule 6: cancelled"),
        pytest.param([slot(1, FENCE), slot(1, FAILED)], 0, Why.OVER, id="rule 6: failed, no retry granted"),
        pytest.param([slot(1, FENCE), slot(1, FAILED)], 1, None, id="rule 6: failed, one retry granted"),
        pytest.param([slot(1, FAILED), slot(2, FENCE), slot(2, FAILED)], 1, Why.OVER, id="rule 6: failed twice"),
        pytest.param([slot(1, FAILED), slot(2, FENCE)], 0, None, id="rule 6: failed, then fenced by a later attempt"),
        pytest.param([slot(1, FENCE), slot(1, PARKED)], 0, None, id="rule 6: parked"),
        pytest.param([], 0, None, id="rule 6: empty"),
        pytest.param([slot(3, FENCE)], 0, Why.TAKEN, id="our own epoch, written by another"),
    ],
)
def test_rule_6_what_was_read_decides(slots: list[Slot], allowance: int, why: Why | None) -> None:
    """Rule 6: a log that is over, or held by a newer attempt, gets no record of ours."""
    state = opening(*slots, me=Identity(epoch=3, writer="me", allowance=allowance))
    assert (state.why if isinstance(state, Closed) else None) == why


@pytest.mark.parametrize(
    ("record", "epoch"),
    [pytest.param(COMPLETED, 1, id="rule 8c: completed"), pytest.param(FENCE, 4, id="rule 8c: a higher epoch")],
)
def test_rule_8c_segments_count_as_the_log(record: Record, epoch: int) -> None:
    """Rule 8c: rule 6 holds for records in segments too."""
    cut = segments.cut(Head(), [slot(epoch, record)])
    state = told(writer.begin(ME, FENCE), Created(), Found(cut), Missing(), Missing())
    assert isinstance(state, Closed)


def test_rule_8c_segments_first_then_slots() -> None:
    """Rule 8c: segments 0, 1, 2 … to the first missing one, then the slots after them."""
    cut = segments.cut(Head(), [slot(1, FENCE), slot(1, RETURNED)])
    state: Writer = told(writer.begin(ME, FENCE), Created())
    asked: list[Request] = []
    for reply in (Found(cut), Missing(), Found(slot(1, PARKED)), Missing()):
        assert isinstance(state, Opening)
        asked.append(writer.request(state))
        state = writer.told(state, reply)
    assert asked == [ReadSegment(0), ReadSegment(1), ReadSlot(2), ReadSlot(3)]


def test_rule_7_the_fence_is_the_first_thing_written() -> None:
    """Rule 7: the fence goes into the first missing slot."""
    state = opening(slot(1, FENCE), slot(1, RETURNED))
    assert isinstance(state, Fencing)
    put = writer.request(state)
    assert isinstance(put, PutSlot)
    assert (put.number, put.slot.epoch, put.slot.records) == (2, 3, (FENCE,))


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        pytest.param(slot(2, RETURNED), Fencing, id="rule 7: lower epoch, next slot"),
        pytest.param(slot(2, PARKED), Fencing, id="rule 7: lower epoch, it parked"),
        pytest.param(slot(2, COMPLETED), Closed, id="rule 7: lower epoch, it completed"),
        pytest.param(slot(2, FAILED), Closed, id="rule 7: lower epoch, it failed"),
        pytest.param(slot(4, FENCE), Closed, id="rule 7: higher epoch"),
    ],
)
def test_rule_7_a_refused_fence(held: Slot, expected: type[Writer]) -> None:
    """Rule 7: refused, the slot's content decides by rule 6."""
    assert isinstance(told(opening(slot(2, FENCE)), Found(held)), expected)


def test_rule_7_a_fence_that_was_committed_after_all() -> None:
    """Rule 7: refused by its own record, the fence stands."""
    state = opening()
    assert isinstance(state, Fencing)
    put = writer.request(state)
    assert isinstance(put, PutSlot)
    after = told(state, Found(put.slot))
    assert isinstance(after, Ready)
    assert after.head.epoch == 3


def test_rule_7_another_writer_of_the_same_epoch_is_an_error() -> None:
    """Rule 7: two writers in one epoch cannot happen; an internal error, not a guess."""
    with pytest.raises(JournalBrokenError, match="damaged"):
        told(opening(), Found(slot(3, FENCE)))


def ready() -> Ready:
    """Return a writer that has fenced an empty log."""
    state = told(opening(), Created())
    assert isinstance(state, Ready)
    return state


def test_rule_8_appends_go_into_the_next_slot() -> None:
    """Rule 8: one append, one slot, however many records."""
    appending = writer.append(ready(), (RETURNED, OPENED))
    assert isinstance(appending, Appending)
    put = writer.request(appending)
    assert isinstance(put, PutSlot)
    assert (put.number, put.slot.records) == (1, (RETURNED, OPENED))


def test_rule_8_refused_by_its_own_record_is_committed() -> None:
    """Rule 8: a lost reply is found out by the slot's id."""
    appending = writer.append(ready(), (RETURNED,))
    assert told(appending, Found(appending.slot)) == told(appending, Created())


def test_rule_8_refused_by_a_higher_epoch_is_fenced() -> None:
    """Rule 8: exit at once, write nothing more anywhere."""
    closed = told(writer.append(ready(), (RETURNED,)), Found(slot(4, FENCE)))
    assert isinstance(closed, Closed)
    assert closed.why is Why.FENCED


@pytest.mark.parametrize("epoch", [2, 3], ids=["rule 8: lower epoch", "rule 8: equal epoch"])
def test_rule_8_anything_else_is_an_error(epoch: int) -> None:
    """Rule 8: nobody else can have written there."""
    with pytest.raises(JournalBrokenError):
        told(writer.append(ready(), (RETURNED,)), Found(slot(epoch, RETURNED)))


def test_slots_of_one_writer_have_different_ids() -> None:
    """A writer tells its slots apart."""
    first = writer.append(ready(), (RETURNED,))
    second = told(first, Created())
    assert isinstance(second, Ready)
    assert writer.append(second, (RETURNED,)).slot.id != first.slot.id


@pytest.mark.parametrize("reply", [Created(), Found(Claim(writer="x"))], ids=["created", "a claim"])
def test_a_reply_that_makes_no_sense_is_an_error(reply: Reply) -> None:
    """A store that answers a read with something else is not trusted."""
    with pytest.raises(JournalBrokenError):
        told(writer.begin(ME, FENCE), Created(), reply)
    assert isinstance(writer.begin(ME, FENCE), Claiming)


def test_rule_8b_a_head_sums_up_the_log_from_slot_0() -> None:
    """Rule 8b: a wait opened in an earlier segment is open in a later one's head."""
    first = segments.cut(Head(), [slot(1, FENCE), slot(1, OPENED)])
    second = segments.cut(first.head, [slot(1, RETURNED), slot(1, FAILED)])
    head = second.head
    facts = (
        head.next,
        head.state,
        head.epoch,
        head.failures,
        [(one.id, one.slot) for one in head.waits],
        head.finished,
    )
    assert facts == (4, State.FAILED, 1, 1, [("approve", 1)], 1)


@pytest.mark.parametrize(
    ("records", "state"),
    [
        pytest.param([PARKED, FENCE], State.RUNNING, id="rule 9: a fence after PARKED"),
        pytest.param([FAILED, FENCE], State.RUNNING, id="rule 9: a fence after FAILED"),
        pytest.param([COMPLETED, FENCE], State.COMPLETED, id="rule 9: a fence after COMPLETED"),
        pytest.param([CANCELLED, FAILED], State.CANCELLED, id="rule 9: FAILED after CANCELLED"),
        pytest.param([CANCELLED, COMPLETED], State.CANCELLED, id="rule 9: COMPLETED after CANCELLED"),
    ],
)
def test_rule_9_fold(records: list[Record], state: State) -> None:
    """Rule 9: a fence reopens PARKED and FAILED; nothing changes COMPLETED and CANCELLED."""
    assert samples.head(*((number, record) for number, record in enumerate(records, 1))).state is state


@pytest.mark.parametrize(
    ("records", "idle"),
    [
        pytest.param([(1, IDLE)], 1, id="rule 11: stands"),
        pytest.param([(1, IDLE), (1, OPENED)], 1, id="rule 11: stands after wait_opened"),
        pytest.param([(1, IDLE), (1, RETURNED)], 0, id="rule 11: ends with any other record"),
        pytest.param([(1, IDLE), (2, FENCE)], 0, id="rule 11: ends with a record of another epoch"),
        pytest.param([(1, IDLE), (2, FENCE), (2, IDLE)], 2, id="rule 11: the next attempt's own"),
    ],
)
def test_rule_11_idle(records: list[tuple[int, Record]], idle: int) -> None:
    """Rule 11: an IDLE stands until the next record that is not a wait_opened, of whatever epoch."""
    assert samples.head((1, OPENED), *records).idle == idle


def test_rule_25_a_fence_is_no_work() -> None:
    """Rule 25: the head knows the epoch of the last record that is not a fence."""
    assert samples.head((1, FENCE), (1, RETURNED), (2, FENCE), (3, FENCE)).worked == 1


def test_a_head_folded_on_is_the_head_of_the_whole() -> None:
    """Folding in two steps is folding in one."""
    slots = [slot(1, FENCE), slot(1, OPENED), slot(1, PARKED), slot(2, FENCE), slot(2, COMPLETED)]
    assert heads.fold(heads.fold(Head(), slots[:2]), slots[2:]) == heads.fold(Head(), slots)
