"""The deadline of an open wait is over by the margin: an answer made in time goes first (rules 18c and 28b)."""

from __future__ import annotations

from kitaru.core.protocol import passes
from kitaru.core.resources.conditions import Reason
from kitaru_operator.plan import ExpireWait
from kitaru_operator.policies.case import Answer, Case


def answer(case: Case) -> Answer | None:
    """Answer for an execution with a wait that is due; nothing else happens in this pass."""
    step = case.decided.step
    if not isinstance(step, passes.ListRequests):
        return None
    wait = next(one for one in case.observed.head.waits if one.id == step.wait)
    return Answer(runner=Reason.PARKED, step=ExpireWait(wait), again=case.now)
