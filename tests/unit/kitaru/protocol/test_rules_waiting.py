"""Rules 10 and 11: what a runner appends before it rests."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer, Answered, Expired, Expiry, WaitOpened
from kitaru.core.protocol import waiting
from kitaru.core.protocol.waiting import Aborted, Announce, Park, Rest, Stay, Took
from tests.unit.kitaru.protocol import samples
from tests.unit.kitaru.protocol.samples import FENCE, IDLE, NOW, OPENED

ANSWER = Answer(request="r1", value=True, at=NOW, answered_by="ann")
ABORT = Abort(request="r2", at=NOW)
EXPIRY = Expiry(at=NOW)
BUDGET = WaitOpened(wait="budget", name="budget", scope="", occurrence=0, at=NOW)
TOOK_ANSWER = Answered(wait="approve", request="r1", value=True, at=NOW, answered_by="ann")
ONE = samples.head((1, FENCE), (1, OPENED))
TWO = samples.head((1, FENCE), (1, OPENED), (1, BUDGET))
IDLING = samples.head((1, FENCE), (1, OPENED), (1, IDLE))

Decisions = Mapping[str, Answer | Abort | Expiry]


@pytest.mark.parametrize(
    ("head", "decisions", "stays", "expected"),
    [
        pytest.param(ONE, {}, False, Park(), id="rule 11: no answer, park"),
        pytest.param(ONE, {}, True, Announce(), id="rule 11: no answer, stays, says so first"),
        pytest.param(IDLING, {}, True, Stay(), id="rule 11: an IDLE stands already"),
        pytest.param(IDLING, {}, False, Park(), id="rule 11: stayed long enough"),
        pytest.param(ONE, {"approve": ANSWER}, False, Took((TOOK_ANSWER,)), id="rule 10: an answer"),
        pytest.param(ONE, {"approve": EXPIRY}, True, Took((Expired(wait="approve", at=NOW),)), id="rule 10: an expiry"),
        pytest.param(ONE, {"approve": ABORT}, False, Aborted("approve"), id="rule 10: an abort, append nothing"),
        pytest.param(IDLING, {"approve": ABORT}, True, Aborted("approve"), id="rule 10: an abort while it stays"),
        pytest.param(
            TWO,
            {"budget": EXPIRY},
            False,
            Took((Expired(wait="budget", at=NOW),)),
            id="rule 10: also of a wait that the body has not reached",
        ),
        pytest.param(
            TWO,
            {"approve": ANSWER, "budget": EXPIRY},
            False,
            Took((TOOK_ANSWER, Expired(wait="budget", at=NOW))),
            id="rule 10: all of them, in the order in which they were opened",
        ),
        pytest.param(
            TWO, {"approve": ANSWER, "budget": ABORT}, False, Aborted("budget"), id="rule 10: an abort beside an answer"
        ),
        pytest.param(ONE, {"closed": ANSWER}, False, Park(), id="rule 10: a wait that is not open does not count"),
    ],
)
def test_before_resting(head: Head, decisions: Decisions, *, stays: bool, expected: Rest) -> None:
    """Rules 10 and 11: all open waits are looked at before PARKED and before IDLE."""
    assert waiting.rest(head, decisions, stays=stays, now=NOW) == expected


def test_take_keeps_the_answer_as_it_was_given() -> None:
    """Rule 10: the record holds the value and the id of the request that won."""
    assert waiting.take({"approve": ANSWER}, NOW) == Took((TOOK_ANSWER,))
