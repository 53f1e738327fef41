"""Cancel was asked, or an open wait was aborted: the journal ends first, which fences the runner (rule 18)."""

from __future__ import annotations

from kitaru.core.journal import Abort, Cancelled
from kitaru.core.protocol import passes
from kitaru.core.resources.conditions import Reason
from kitaru_operator.plan import EndJournal
from kitaru_operator.policies.case import Answer, Case


def answer(case: Case) -> Answer | None:
    """Answer for an execution that is to end as Cancelled. Its pod is deleted by the pass after this one."""
    step = case.decided.step
    if not isinstance(step, passes.End) or step.kind is not passes.Kind.CANCEL:
        return None
    record = Cancelled(reason=_reason(case), at=case.now)
    return Answer(runner=Reason.FINISHED, step=EndJournal(step.number, record), again=case.now)


def _reason(case: Case) -> str:
    if case.execution.spec.cancel:
        return "cancel was asked"
    for wait in case.observed.head.waits:
        decision = case.observed.decisions.get(wait.id)
        if isinstance(decision, Abort):
            return f"wait {wait.id} was aborted by {decision.answered_by or 'somebody'}"
    return "cancel was asked"
