"""Rules 26 to 29: what becomes of a request to answer or abort a wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer, Expiry, WaitOpened
from kitaru.core.protocol import verdicts
from kitaru.core.protocol.requests import PutDecision, ReadDecision
from kitaru.core.protocol.verdicts import (
    Accepted,
    Held,
    Pending,
    Reason,
    Rejected,
    Request,
    StoreExpiry,
    Verdict,
)
from tests.unit.kitaru.protocol import samples
from tests.unit.kitaru.protocol.samples import (
    ANSWERED,
    CANCELLED,
    COMPLETED,
    FAILED,
    FENCE,
    NOW,
    OPENED,
    PARKED,
)

DEADLINE = NOW + timedelta(seconds=60)
LATE = DEADLINE + timedelta(seconds=1)
TIMED = WaitOpened(wait="approve", name="approve", scope="", occurrence=0, at=NOW, deadline=DEADLINE)
ANSWER = Answer(request="r1", value=True, at=NOW)
ABORT = Abort(request="r1", at=NOW)
OTHER = Answer(request="r2", value=False, at=NOW)
EXPIRY = Expiry(at=NOW)

BEFORE = samples.head((1, FENCE))
OPEN = samples.head((1, FENCE), (1, OPENED))
PARKED_OPEN = samples.head((1, FENCE), (1, OPENED), (1, PARKED))
TIMING = samples.head((1, FENCE), (1, TIMED))
CLOSED = samples.head((1, FENCE), (1, OPENED), (1, ANSWERED))
FALLEN = samples.head((1, FENCE), (1, OPENED), (1, FAILED))
DONE = samples.head((1, FENCE), (1, OPENED), (1, COMPLETED))
STOPPED = samples.head((1, FENCE), (1, OPENED), (2, CANCELLED))


def request(decision: Answer | Abort = ANSWER, misfit: str | None = None) -> Request:
    """Return a request for the wait `approve`."""
    return Request(wait="approve", decision=decision, misfit=misfit)


PUT = PutDecision("approve", ANSWER)
GET = ReadDecision("approve")


@pytest.mark.parametrize(
    ("asked", "head", "expected"),
    [
        pytest.param(request(), BEFORE, GET, id="rule 26: not open yet"),
        pytest.param(request(), CLOSED, GET, id="rule 26: not open any more"),
        pytest.param(request(misfit="value.approved"), BEFORE, GET, id="rule 26: whatever its value"),
        pytest.param(request(), DONE, GET, id="rule 27: completed"),
        pytest.param(request(), STOPPED, GET, id="rule 27: cancelled, its wait still open"),
        pytest.param(request(), OPEN, PUT, id="rule 28: the put judges"),
        pytest.param(request(), PARKED_OPEN, PUT, id="rule 28: parked"),
        pytest.param(request(), FALLEN, PUT, id="rule 28: also if failed"),
        pytest.param(request(ABORT), OPEN, PutDecision("approve", ABORT), id="rule 28b: an abort by the same put"),
        pytest.param(request(misfit="value.approved"), OPEN, Rejected(Reason.MISFIT), id="rule 28: does not fit"),
        pytest.param(request(), TIMING, PUT, id="rule 28: in time"),
        pytest.param(
            request(Answer(request="r1", value=1, at=DEADLINE)),
            TIMING,
            PutDecision("approve", Answer(request="r1", value=1, at=DEADLINE)),
            id="rule 28: at the deadline",
        ),
        pytest.param(
            request(Answer(request="r1", value=1, at=LATE)), TIMING, Rejected(Reason.LATE), id="rule 28: late"
        ),
        pytest.param(request(Abort(request="r1", at=LATE)), TIMING, Rejected(Reason.LATE), id="rule 28: a late abort"),
    ],
)
def test_judging(asked: Request, head: Head, expected: Rejected | ReadDecision | PutDecision) -> None:
    """Rules 26 to 28: rejected only for a fact that cannot turn, else the store is asked."""
    assert verdicts.judge(asked, head) == expected


@pytest.mark.parametrize(
    ("asked", "head", "held", "verdict"),
    [
        pytest.param(request(), BEFORE, None, Pending(Held.NOT_OPEN), id="rule 26: nothing there, pending"),
        pytest.param(request(), CLOSED, ANSWER, Accepted(), id="rule 26: its own id"),
        pytest.param(request(), CLOSED, OTHER, Rejected(Reason.ANSWERED), id="rule 26: another's"),
        pytest.param(request(), DONE, ANSWER, Accepted(), id="rule 27: stored, completed"),
        pytest.param(request(), STOPPED, ANSWER, Accepted(), id="rule 27: stored, cancelled"),
        pytest.param(request(), DONE, None, Rejected(Reason.OVER), id="rule 27: nothing stored"),
        pytest.param(request(), DONE, OTHER, Rejected(Reason.ANSWERED), id="rule 27: another's"),
        pytest.param(request(ABORT), DONE, ABORT, Rejected(Reason.TOO_LATE), id="rule 27: an abort, completed"),
        pytest.param(request(ABORT), STOPPED, ABORT, Accepted(), id="rule 28c: an abort, cancelled"),
        pytest.param(request(ABORT), OPEN, ABORT, Pending(Held.STORED), id="rule 28c: an abort, stored"),
        pytest.param(request(ABORT), FALLEN, ABORT, Pending(Held.STORED), id="rule 28c: FAILED is not the end of it"),
        pytest.param(request(), OPEN, ANSWER, Accepted(), id="rule 28: stored"),
        pytest.param(request(), FALLEN, ANSWER, Accepted(), id="rule 28: stored, failed"),
        pytest.param(request(), OPEN, OTHER, Rejected(Reason.ANSWERED), id="rule 28: already answered"),
        pytest.param(request(), OPEN, Abort(request="r2", at=NOW), Rejected(Reason.ABORTED), id="rule 28: aborted"),
        pytest.param(request(), OPEN, EXPIRY, Rejected(Reason.EXPIRED), id="rule 28: expired"),
    ],
)
def test_settling(asked: Request, head: Head, held: Answer | Abort | Expiry | None, verdict: Verdict) -> None:
    """Rules 26 to 28c: what is stored decides."""
    assert verdicts.settle(asked, head, held) == verdict


@pytest.mark.parametrize(
    ("pending", "expected"),
    [
        pytest.param([], StoreExpiry("approve"), id="rule 28b: none"),
        pytest.param([request()], request(), id="rule 28b: one in time"),
        pytest.param([request(ABORT)], request(ABORT), id="rule 28b: an abort in time"),
        pytest.param(
            [request(Answer(request="r1", value=1, at=LATE))], StoreExpiry("approve"), id="rule 28b: one late"
        ),
        pytest.param([Request(wait="budget", decision=ANSWER)], StoreExpiry("approve"), id="rule 28b: another wait's"),
        pytest.param([request(misfit="value.approved")], StoreExpiry("approve"), id="rule 28b: one that does not fit"),
    ],
)
def test_rule_28b_before_an_expiry_is_stored(pending: list[Request], expected: Request | StoreExpiry) -> None:
    """Rule 28b: a request that was made in time goes before the expiry."""
    assert verdicts.expire(TIMING.waits[0], pending) == expected
