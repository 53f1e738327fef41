"""The attempt's pod is alive: leave it alone, and say how it fares (rule 20)."""

from __future__ import annotations

from datetime import timedelta

from kitaru.core.phases import Phase
from kitaru.core.protocol import passes
from kitaru.core.resources.conditions import Reason
from kitaru_operator.policies.case import Answer, Case


def answer(case: Case) -> Answer | None:
    """Answer for an attempt that is at work or still starting."""
    pod = case.worker
    if pod is None or not isinstance(case.decided.step, passes.Nothing):
        return None
    if pod.trouble is not None:
        deadline = timedelta(seconds=case.execution.spec.start_deadline_seconds)
        return Answer(
            runner=pod.trouble.reason,
            message=pod.trouble.message,
            again=max(pod.created_at + deadline, case.now + timedelta(seconds=5)),
        )
    if case.decided.phase is Phase.PENDING:
        return Answer(runner=Reason.STARTING)
    return Answer(runner=Reason.RUNNING, ready=True)
