"""It cannot start, or its runners are lost again and again: Failed, and the journal says why (rule 25)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from kitaru.core import schemas
from kitaru.core.journal import Failed, Failure
from kitaru.core.protocol import budget, passes
from kitaru.core.resources import conditions
from kitaru.core.resources.conditions import ExecutionCondition, Reason
from kitaru.core.resources.execution import KitaruExecution
from kitaru.core.resources.model import INLINE_LIMIT
from kitaru.errors import FailureOrigin
from kitaru_operator.observed import Frozen, Observed, Resolved, Unfrozen, Unresolved
from kitaru_operator.plan import EndJournal
from kitaru_operator.policies import losing
from kitaru_operator.policies.case import Answer, Case, Refusal, alive

#: The module that the types of the operator's own failures name.
OURS: Final = "kitaru"
#: How long a flow, version or tag may be missing: `kubectl apply` of a folder brings the execution first.
PATIENCE: Final = timedelta(seconds=60)
_UNRESOLVED: Final = frozenset(
    {Reason.FLOW_NOT_FOUND, Reason.VERSION_NOT_FOUND, Reason.TAG_NOT_FOUND, Reason.BLOB_NOT_FOUND}
)


def answer(case: Case) -> Answer | None:
    """Answer for an execution that the operator has to end as Failed."""
    step = case.decided.step
    if not isinstance(step, passes.End) or step.kind is passes.Kind.CANCEL:
        return None
    refusal = case.refusal or _exhausted(case)
    failure = Failure(type=f"{OURS}.{refusal.reason}", message=refusal.message, origin=refusal.origin)
    return Answer(
        runner=refusal.reason,
        message=refusal.message,
        step=EndJournal(step.number, Failed(failure=failure, at=case.now)),
        again=case.now,
    )


def refusal(execution: KitaruExecution, observed: Observed, now: datetime) -> Refusal | None:
    """Return why the next attempt cannot start, its time for that being over; None if it may still."""
    match observed.template:
        case Resolved():
            return _misfit(observed.template)
        case Unresolved(reason, message):
            waited = now - _since(execution, now)
            return Refusal(reason, message) if waited >= PATIENCE else None
        case Unfrozen(why):
            return Refusal(Reason.SPEC_CHANGED, why)
        case Frozen(_, digest) if digest != execution.status.spec_digest:
            return Refusal(Reason.SPEC_CHANGED, _CHANGED)
        case _:
            return _stuck(execution, observed, now)


_CHANGED: Final = (
    "spec.json in the store is not the one that was frozen at the first attempt: restore it from a "
    "backup of the bucket and raise spec.retry."
)


def _since(execution: KitaruExecution, now: datetime) -> datetime:
    """Return since when the status says that the flow, version or tag is missing."""
    told = conditions.condition(execution.status.conditions, ExecutionCondition.RUNNER_READY)
    if told is None or told.status != "False" or told.reason not in _UNRESOLVED:
        return now
    return told.last_transition_time


def _misfit(resolved: Resolved) -> Refusal | None:
    if resolved.own > INLINE_LIMIT:
        message = (
            f"spec.inputs is {resolved.own} bytes of JSON, and at most {INLINE_LIMIT} are taken: "
            "pass a reference to the data instead."
        )
        return Refusal(Reason.TOO_LARGE, message, FailureOrigin.USER_CODE)
    if resolved.schema is None:
        return None
    problem = schemas.problem(resolved.schema, dict(resolved.spec.inputs))
    if problem is None:
        return None
    message = f"spec.inputs do not fit the flow's signature: {problem}"
    return Refusal(Reason.INVALID, message, FailureOrigin.USER_CODE)


def _stuck(execution: KitaruExecution, observed: Observed, now: datetime) -> Refusal | None:
    """A pod that has not begun within its deadline. Missing credentials of the store burn no attempt."""
    pod = alive(execution, observed, now)
    if pod is None or pod.started:
        return None
    why = "its container is still being created" if pod.trouble is None else pod.trouble.message
    limit = execution.spec.start_deadline_seconds
    secret = observed.credentials
    if missing_credentials(pod.namespace, secret, why) or now < pod.created_at + timedelta(seconds=limit):
        return None
    message = f"the runner's pod did not start within {limit} s: {why}"
    return Refusal(Reason.START_DEADLINE_EXCEEDED, message)


def missing_credentials(namespace: str, secret: str, message: str) -> bool:
    """Whether the kubelet's words are about the Secret of the store, or a key of it; it gives no field that says so."""
    return bool(secret) and (f'secret "{secret}"' in message or f"Secret {namespace}/{secret}" in message)


def _exhausted(case: Case) -> Refusal:
    message = (
        f"{budget.BUDGET + 1} attempts in a row were lost before they could commit anything, "
        f"the last one: {losing.cause(case)}. Mend that, then raise spec.retry."
    )
    return Refusal(Reason.ATTEMPTS_EXHAUSTED, message)
