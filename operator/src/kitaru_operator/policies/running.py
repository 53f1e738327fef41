"""The attempt's pod is alive: leave it alone, and say how it fares (rule 20)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from kitaru.core.phases import Phase
from kitaru.core.protocol import passes
from kitaru.core.resources.conditions import Reason
from kitaru_operator.pods import RunnerPod
from kitaru_operator.policies.case import Answer, Case

#: How often a pod that starts by itself once it can is looked at.
_LOOK: Final = timedelta(seconds=5)


def answer(case: Case) -> Answer | None:
    """Answer for an attempt that is at work or still starting."""
    pod = case.worker
    if pod is None or not isinstance(case.decided.step, passes.Nothing):
        return None
    if pod.trouble is not None:
        return Answer(runner=pod.trouble.reason, message=pod.trouble.message, again=_deadline(case, pod))
    if case.decided.phase is Phase.PENDING:
        again = None if pod.started else _deadline(case, pod)
        return Answer(runner=Reason.STARTING, again=again)
    return Answer(runner=Reason.RUNNING, ready=True)


def _deadline(case: Case, pod: RunnerPod) -> datetime:
    """Return when a pod that has not begun by then is given up, or looked at again."""
    deadline = pod.created_at + timedelta(seconds=case.execution.spec.start_deadline_seconds)
    return max(deadline, case.now + _LOOK)
