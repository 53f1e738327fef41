"""An attempt has to be at work and none is: the first start, a lost pod, an answer, a retry (rules 21 and 22)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kitaru.core.protocol import passes
from kitaru.core.resources.conditions import Reason
from kitaru_operator import manifests
from kitaru_operator.manifests import Attempt
from kitaru_operator.observed import Frozen, Resolved, Unresolved, Unsettled
from kitaru_operator.plan import Freeze, MakePod
from kitaru_operator.policies import losing
from kitaru_operator.policies.case import Answer, Case
from kitaru_operator.settings import Settings

#: How often a flow, version or tag that is missing is looked for, beside the events of flows.
_LOOK: Final = timedelta(seconds=5)
_SOON: Final = timedelta(seconds=0.2)
#: How long nothing is said about what is missing.
_YOUNG: Final = timedelta(seconds=3)


def answer(case: Case, settings: Settings) -> Answer | None:
    """Answer for an execution whose next attempt is to be started."""
    step = case.decided.step
    if not isinstance(step, passes.Raise | passes.CreatePod):
        return None
    if case.observed.store.ready is not True:
        return Answer(runner=Reason.NOT_STARTED)
    match step:
        case passes.Raise():
            return _raise(case, step)
        case passes.CreatePod():
            return _create(case, step, settings)


def _raise(case: Case, step: passes.Raise) -> Answer:
    """Raising the number is this pass's only act; the next one, at once, makes the pod."""
    begin = (case.observed.lost_since or case.now) + timedelta(seconds=step.after)
    if begin > case.now:
        message = f"{_lost(case)}; the next begins in {step.after:g} s"
        return Answer(runner=Reason.BACKING_OFF, message=message, again=begin)
    if case.execution.status.spec_digest is not None:
        # After a back-off it was told already.
        told = step.why is passes.Why.RECOVERY and not step.after
        reason, message = (Reason.POD_LOST, _lost(case)) if told else (Reason.STARTING, "")
        return Answer(runner=reason, message=message, attempt=step.number, again=case.now)
    match case.observed.template:
        case Resolved(spec=spec):
            return Answer(runner=Reason.STARTING, attempt=step.number, step=Freeze(spec), again=case.now)
        case Unresolved(reason, message):
            return Answer(runner=reason, message=message, quiet=_is_young(case), again=case.now + _wait(case))
        case Unsettled() | _:
            return Answer(runner=Reason.NOT_STARTED, quiet=_is_young(case), again=case.now + _wait(case))


def _lost(case: Case) -> str:
    return f"attempt {case.execution.status.attempt} was lost ({losing.cause(case)})"


def _is_young(case: Case) -> bool:
    """Whether it may have been applied in one go with its flow, whose version is about to be recorded."""
    made = case.execution.metadata.creation_timestamp
    return made is not None and case.now < made + _YOUNG


def _wait(case: Case) -> timedelta:
    return _SOON if _is_young(case) else _LOOK


def _create(case: Case, step: passes.CreatePod, settings: Settings) -> Answer:
    match case.observed.template:
        case Frozen() as frozen:
            pass
        case Resolved(spec=spec):
            # The number was raised to end an execution that could not start, and now it can.
            return Answer(runner=Reason.STARTING, step=Freeze(spec), again=case.now)
        case _:
            return Answer(runner=Reason.NOT_STARTED, again=case.now + _SOON)
    attempt = Attempt(
        execution=case.execution,
        number=step.number,
        allowance=step.allowance,
        spec=frozen.spec,
        digest=frozen.digest,
        image=case.execution.status.image or frozen.spec.image or "",
    )
    return Answer(runner=Reason.STARTING, step=MakePod(manifests.runner_pod(attempt, settings)))
