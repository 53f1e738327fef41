"""Over: report it, nothing else (rule 17)."""

from __future__ import annotations

from kitaru.core.phases import Phase
from kitaru.core.protocol import passes
from kitaru.core.resources.conditions import Reason
from kitaru_operator.policies.case import Answer, Case

_OVER = frozenset({Phase.COMPLETED, Phase.CANCELLED, Phase.FAILED})


def answer(case: Case) -> Answer | None:
    """Answer for an execution in which nothing will happen any more by itself."""
    if case.decided.phase in _OVER and isinstance(case.decided.step, passes.Nothing):
        return Answer(runner=Reason.FINISHED)
    return None
