"""Rules 18, 18b and 25: ending an execution under a number of one's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kitaru.core.journal import Claim, Slot
from kitaru.core.protocol import ender
from kitaru.core.protocol.ender import Appending, Claiming, Ended, Ender, Ending, GaveUp, Why
from kitaru.core.protocol.requests import ClaimEpoch, Created, Found, PutSlot, Reply, Unknown
from kitaru.errors import JournalBrokenError
from tests.unit.kitaru.protocol import samples
from tests.unit.kitaru.protocol.samples import CANCELLED, COMPLETED, FAILED, FENCE, PARKED, RETURNED, slot

SEEN = samples.head((1, FENCE), (1, RETURNED))
ENDING = Ending(number=2, writer="op", record=CANCELLED)
MINE = Slot(epoch=2, writer="op", id="op", records=(CANCELLED,))


def told(state: Ender, *replies: Reply) -> Ender:
    """Return the state after these replies."""
    for reply in replies:
        assert isinstance(state, Claiming | Appending)
        state = ender.told(state, reply)
    return state


def test_rule_18_the_number_is_claimed_first() -> None:
    """Rule 18: an operator claims like any writer."""
    assert ender.request(ender.begin(ENDING, SEEN)) == ClaimEpoch(2, Claim(writer="op"))


def test_rule_18_one_record_at_the_end_of_the_log() -> None:
    """Rule 18: it appends where it saw the log end."""
    state = told(ender.begin(ENDING, SEEN), Created())
    assert isinstance(state, Appending)
    assert ender.request(state) == PutSlot(2, MINE)


@pytest.mark.parametrize(
    ("replies", "result"),
    [
        pytest.param([Created()], Ended, id="rule 18: appended"),
        pytest.param([Unknown(), Found(MINE)], Ended, id="rule 18: its own id, after a lost reply"),
        pytest.param([Found(slot(1, COMPLETED))], Why.OVER, id="rule 18: completed meanwhile"),
        pytest.param([Found(slot(1, CANCELLED))], Why.OVER, id="rule 18: cancelled meanwhile"),
        pytest.param([Found(slot(1, FAILED))], Why.OVER, id="rule 18: failed meanwhile"),
        pytest.param([Found(slot(1, RETURNED, FAILED))], Why.OVER, id="rule 18: failed, in a slot with more"),
        pytest.param([Found(slot(3, FENCE))], Why.FENCED, id="rule 18: a higher epoch"),
        pytest.param(
            [Found(slot(1, RETURNED)), Found(slot(1, PARKED)), Created()], Ended, id="rule 18: lower: next slot"
        ),
    ],
)
def test_rule_18_a_log_that_went_on(replies: list[Reply], result: type[Ended] | Why) -> None:
    """Rule 18: what lies in the slot decides."""
    state = told(ender.begin(ENDING, SEEN), Created(), *replies)
    assert isinstance(state, Ended) if isinstance(result, type) else (isinstance(state, GaveUp) and state.why is result)


@pytest.mark.parametrize(
    ("insist", "result"),
    [pytest.param(False, GaveUp, id="rule 18: gives up this pass"), pytest.param(True, Claiming, id="rule 18b: next")],
)
def test_a_number_that_is_taken(*, insist: bool, result: type[Ender]) -> None:
    """Rules 18 and 18b differ in what a number that is taken means."""
    state = told(ender.begin(replace(ENDING, insist=insist), SEEN), Found(Claim(writer="pod")))
    assert isinstance(state, result)


def test_rule_18b_the_next_number_is_the_one_written() -> None:
    """Rule 18b: the record stands under the number that was claimed at last."""
    state = told(ender.begin(replace(ENDING, insist=True), SEEN), Found(Claim(writer="pod")), Created(), Created())
    assert isinstance(state, Ended)
    assert (state.number, state.head.epoch) == (3, 3)


def test_its_own_claim_found_after_a_lost_reply_is_its_own() -> None:
    """Rule 18: refused by its own claim, it goes on."""
    assert isinstance(told(ender.begin(ENDING, SEEN), Unknown(), Found(Claim(writer="op"))), Appending)


@pytest.mark.parametrize(
    "reply", [Found(slot(2, RETURNED)), Found(Claim(writer="x"))], ids=["its own epoch", "a claim"]
)
def test_what_cannot_be_is_an_error(reply: Reply) -> None:
    """Another writer under a claimed number cannot be."""
    with pytest.raises(JournalBrokenError):
        told(ender.begin(ENDING, SEEN), Created(), reply)


def test_rule_25_a_failure_goes_the_same_way() -> None:
    """Rule 25: FAILED by the operator is appended as CANCELLED is."""
    state = told(ender.begin(replace(ENDING, record=FAILED), SEEN), Created(), Created())
    assert isinstance(state, Ended)
    assert (state.head.failures, state.head.worked) == (1, 2)
