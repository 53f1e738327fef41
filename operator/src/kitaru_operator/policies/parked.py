"""Parked, and no open wait has an answer: it holds nothing and waits (rule 19)."""

from __future__ import annotations

from kitaru.core.head import State
from kitaru.core.protocol import passes
from kitaru.core.resources.conditions import Reason
from kitaru_operator.policies.case import Answer, Case


def answer(case: Case) -> Answer | None:
    """Answer for an execution that only an answer moves on, with no runner staying for it."""
    parked = case.observed.head.state is State.PARKED
    if parked and case.worker is None and isinstance(case.decided.step, passes.Nothing):
        return Answer(runner=Reason.PARKED)
    return None
