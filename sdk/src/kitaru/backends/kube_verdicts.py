"""What the operator's verdict on an answer means for whoever gave it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from kitaru.core.resources import conditions
from kitaru.core.resources.answer import AnswerPhase, KitaruAnswer
from kitaru.core.resources.conditions import AnswerCondition, Reason
from kitaru.errors import KitaruStateError, KitaruUsageError, KitaruWaitValidationError

_ERRORS: Final[Mapping[str, Callable[[str], Exception]]] = {
    Reason.DOES_NOT_FIT: KitaruWaitValidationError,
    Reason.TOO_LARGE: KitaruUsageError,
    Reason.INVALID: KitaruUsageError,
    Reason.EXECUTION_NOT_FOUND: LookupError,
}


def settled(answer: KitaruAnswer) -> bool:
    """Whether the answer counts, or, for an abort, is stored and only waits for the execution to end.

    Raises what a refusal means: `KitaruWaitValidationError` when the value does not fit, `KitaruStateError` when it
    came too late.
    """
    status = answer.status
    if status.phase is AnswerPhase.REFUSED:
        message = status.message or f"The answer was refused: {status.reason}."
        raise _ERRORS.get(status.reason or "", KitaruStateError)(message)
    return status.phase is AnswerPhase.ACCEPTED or conditions.is_true(status.conditions, AnswerCondition.STORED)


def pending(answer: KitaruAnswer) -> str:
    """Return why there is no verdict yet, as the operator says it; "" when it says nothing."""
    if answer.status.message:
        return answer.status.message
    told = conditions.condition(answer.status.conditions, AnswerCondition.ACCEPTED)
    return "" if told is None else told.message
