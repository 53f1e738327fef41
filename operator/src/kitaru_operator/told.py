"""What is told about a request to answer: the protocol's verdict in words for people and programs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, assert_never

from kitaru.core.head import Head
from kitaru.core.protocol import verdicts
from kitaru.core.protocol.verdicts import Accepted, Held, Pending, Rejected, Request, Verdict
from kitaru.core.resources import conditions, status
from kitaru.core.resources.answer import AnswerPhase, AnswerStatus, KitaruAnswer
from kitaru.core.resources.conditions import AnswerCondition, Condition, Reason, Truth
from kitaru_operator.observed import StoreState

_REFUSALS: Final[Mapping[verdicts.Reason, Reason]] = {
    verdicts.Reason.ANSWERED: Reason.ALREADY_DECIDED,
    verdicts.Reason.ABORTED: Reason.ALREADY_DECIDED,
    verdicts.Reason.EXPIRED: Reason.DEADLINE_PASSED,
    verdicts.Reason.LATE: Reason.DEADLINE_PASSED,
    verdicts.Reason.MISFIT: Reason.DOES_NOT_FIT,
    verdicts.Reason.OVER: Reason.EXECUTION_OVER,
    verdicts.Reason.TOO_LATE: Reason.EXECUTION_OVER,
}


def told(answer: KitaruAnswer, request: Request, verdict: Verdict, head: Head, now: datetime) -> AnswerStatus:
    """Return the request's status after this verdict."""
    match verdict:
        case Accepted():
            reason = Reason.ABORTED if answer.spec.abort else Reason.ANSWERED
            return _decided(answer, AnswerPhase.ACCEPTED, reason, "", now)
        case Rejected(verdicts.Reason.MISFIT):
            return refused(answer, Reason.DOES_NOT_FIT, request.misfit or "", now)
        case Rejected(why):
            return refused(answer, _REFUSALS[why], f"wait {request.wait!r}: {why}.", now)
        case Pending(Held.STORED):
            return _pending(answer, Reason.ABORT_STORED, f"{Held.STORED}.", now)
        case Pending():
            return _pending(answer, Reason.WAIT_NOT_OPEN, _not_open(request, head), now)
        case _:
            assert_never(verdict)


def refused(answer: KitaruAnswer, reason: Reason, message: str, now: datetime) -> AnswerStatus:
    """Return the status of a request that can never count."""
    return _decided(answer, AnswerPhase.REFUSED, reason, message, now)


def homeless(answer: KitaruAnswer, now: datetime) -> AnswerStatus:
    """Return the status of a request for an execution that is not there; it may be applied after its answer."""
    message = f"there is no KitaruExecution {answer.spec.execution!r} in namespace {answer.metadata.namespace!r}."
    return _pending(answer, Reason.EXECUTION_NOT_FOUND, message, now)


def unread(answer: KitaruAnswer, store: StoreState, now: datetime) -> AnswerStatus:
    """Return the status of a request that cannot be judged while the store is as it is."""
    return _pending(answer, store.reason, store.message, now)


def _not_open(request: Request, head: Head) -> str:
    open_waits = ", ".join(repr(wait.id) for wait in head.waits) or "none"
    return f"wait {request.wait!r} is not open; open waits: {open_waits}."


def _decided(answer: KitaruAnswer, phase: AnswerPhase, reason: Reason, message: str, now: datetime) -> AnswerStatus:
    truth: Truth = "True" if phase is AnswerPhase.ACCEPTED else "False"
    return AnswerStatus(
        observed_generation=answer.metadata.generation,
        phase=phase,
        reason=reason,
        message=status.cut(message, 1024) or None,
        decided_at=now.replace(microsecond=0),
        conditions=_conditions(answer, truth, (reason, message), now),
    )


def _pending(answer: KitaruAnswer, reason: Reason, message: str, now: datetime) -> AnswerStatus:
    return AnswerStatus(
        observed_generation=answer.metadata.generation,
        phase=AnswerPhase.PENDING,
        reason=reason,
        message=status.cut(message, 1024),
        conditions=_conditions(answer, "Unknown", (reason, message), now),
    )


def _conditions(answer: KitaruAnswer, truth: Truth, why: tuple[Reason, str], now: datetime) -> tuple[Condition, ...]:
    all_of_them = conditions.replaced(
        answer.status.conditions,
        _condition(answer, AnswerCondition.ACCEPTED, truth, why, now),
    )
    if why[0] is not Reason.ABORT_STORED:
        return all_of_them
    stored = _condition(answer, AnswerCondition.STORED, "True", why, now)
    return conditions.replaced(all_of_them, stored)


def _condition(
    answer: KitaruAnswer,
    type_: AnswerCondition,
    truth: Truth,
    why: tuple[Reason, str],
    now: datetime,
) -> Condition:
    return Condition(
        type=type_,
        status=truth,
        reason=why[0],
        message=status.cut(why[1], 1024),
        last_transition_time=now.replace(microsecond=0),
        observed_generation=answer.metadata.generation,
    )
