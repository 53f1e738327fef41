"""The status of an execution: what its log says, in short. Computed anew each pass, never from the status before.

Only what the log does not hold is carried over: the number of the attempt, the frozen version, the times of the
conditions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from kitaru.core import names
from kitaru.core.head import Head
from kitaru.core.journal import Failure
from kitaru.core.phases import Phase
from kitaru.core.resources import conditions, model
from kitaru.core.resources import status as statuses
from kitaru.core.resources.conditions import Condition, ExecutionCondition, Reason, Truth
from kitaru.core.resources.execution import (
    Checkpoints,
    ExecutionStatus,
    FailureStatus,
    JournalRef,
    KitaruExecution,
)
from kitaru_operator.images import pinned
from kitaru_operator.observed import Observed, StoreState
from kitaru_operator.policies import refusing
from kitaru_operator.policies.case import Answer, Case

_SUCCEEDED: Final[dict[Phase, tuple[Truth, Reason]]] = {
    Phase.PENDING: ("Unknown", Reason.PENDING),
    Phase.RUNNING: ("Unknown", Reason.RUNNING),
    Phase.WAITING: ("Unknown", Reason.WAITING),
    Phase.COMPLETED: ("True", Reason.COMPLETED),
    Phase.FAILED: ("False", Reason.FAILED),
    Phase.CANCELLED: ("False", Reason.CANCELLED),
}
_OVER: Final = frozenset({Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED})


def summary(case: Case, answer: Answer) -> ExecutionStatus:
    """Return the status that this pass reports, within its budget."""
    execution, head, phase = case.execution, case.observed.head, case.decided.phase
    old = execution.status
    attempt = old.attempt if answer.attempt is None else answer.attempt
    working = answer.attempt is not None or answer.ready or answer.runner is Reason.STARTING
    new = ExecutionStatus(
        observed_generation=execution.metadata.generation,
        phase=phase,
        version=old.version,
        image=pinned(old.image, case.pod.image if case.pod is not None else ""),
        attempt=attempt,
        failures=head.failures,
        pod_name=_pod(execution, attempt) if working and attempt else None,
        started_at=head.started_at,
        finished_at=head.ended_at if phase in _OVER else None,
        spec_digest=old.spec_digest,
        journal=JournalRef(uri=case.observed.uri, head=head.next) if head.next else old.journal,
        waits=() if phase in _OVER else statuses.waits(head),
        waiting_for=None if phase in _OVER else statuses.waiting_for(head),
        checkpoints=Checkpoints(completed=head.finished - head.failed_calls),
        result=statuses.preview(head.result) if phase is Phase.COMPLETED and head.result else None,
        failure=_failure(head) if phase is Phase.FAILED else None,
        conditions=_conditions(case, answer),
    )
    return statuses.bounded(new)


def _pod(execution: KitaruExecution, attempt: int) -> str:
    return names.pod_name(execution.metadata.name, execution.metadata.uid, attempt)


def _failure(head: Head) -> FailureStatus | None:
    if head.failure is None:
        return None
    failure = head.failure
    text = statuses.cut(_said(failure), 1024)
    return FailureStatus(origin=failure.origin, checkpoint=failure.call, message=text)


def _said(failure: Failure) -> str:
    """Return an exception as tracebacks end with it; what the operator itself refused is a sentence already."""
    module, _, name = failure.type.rpartition(".")
    if module == refusing.OURS:
        return failure.message
    return f"{name}: {failure.message}" if failure.message else name


def _conditions(case: Case, answer: Answer) -> tuple[Condition, ...]:
    all_of_them = case.execution.status.conditions
    for one in (
        _succeeded(case),
        _waiting(case),
        _runner(case, answer),
        _store(case),
    ):
        all_of_them = conditions.replaced(all_of_them, one)
    return all_of_them


def _condition(case: Case, type_: ExecutionCondition, truth: Truth, why: tuple[str, str]) -> Condition:
    return Condition(
        type=type_,
        status=truth,
        reason=why[0],
        message=statuses.cut(why[1], 1024),
        last_transition_time=case.now.replace(microsecond=0),
        observed_generation=case.execution.metadata.generation,
    )


def _succeeded(case: Case) -> Condition:
    truth, reason = _SUCCEEDED[case.decided.phase]
    head, message = case.observed.head, ""
    if case.decided.phase is Phase.FAILED and head.failure is not None:
        message = _said(head.failure)
    elif case.decided.phase is Phase.CANCELLED:
        message = head.reason or ""
    return _condition(case, ExecutionCondition.SUCCEEDED, truth, (reason, message))


def _waiting(case: Case) -> Condition:
    if case.decided.phase is not Phase.WAITING:
        return _condition(case, ExecutionCondition.WAITING, "False", (Reason.NOT_WAITING, ""))
    message = statuses.waiting_for(case.observed.head) or ""
    return _condition(case, ExecutionCondition.WAITING, "True", (Reason.WAIT_OPEN, message))


def _runner(case: Case, answer: Answer) -> Condition:
    truth: Truth = "True" if answer.ready else "False"
    return _condition(case, ExecutionCondition.RUNNER_READY, truth, (answer.runner, answer.message))


def _store(case: Case) -> Condition:
    store, observed = case.observed.store, case.observed
    message = _missing_credentials(case, observed)
    if message is not None:
        return _condition(case, ExecutionCondition.STORE_READY, "False", (Reason.CREDENTIALS_MISSING, message))
    return _condition(case, ExecutionCondition.STORE_READY, truth(store), (store.reason, store.message))


def _missing_credentials(case: Case, observed: Observed) -> str | None:
    pod, secret = case.pod, observed.credentials
    if pod is None or pod.trouble is None or pod.trouble.reason is not Reason.CONTAINER_NOT_CREATED:
        return None
    if not refusing.missing_credentials(pod.namespace, secret, pod.trouble.message):
        return None
    return (
        f"the store's credentials are missing ({pod.trouble.message}): give the Secret {secret!r} of this namespace "
        "the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and the pod starts by itself."
    )


def with_runner(status: ExecutionStatus, reason: Reason, message: str, now: datetime) -> ExecutionStatus:
    """Return the status with another reason why no runner is at work."""
    return _with(status, ExecutionCondition.RUNNER_READY, (reason, message), now)


def with_store(status: ExecutionStatus, store: StoreState, now: datetime) -> ExecutionStatus:
    """Return the status with how the store is."""
    return _with(status, ExecutionCondition.STORE_READY, (store.reason, store.message), now, truth(store))


def begun(execution: KitaruExecution, store: StoreState, now: datetime) -> ExecutionStatus:
    """Return the status of an execution of which no more is known than that its log cannot be read."""
    status = ExecutionStatus(observed_generation=execution.metadata.generation, phase=Phase.PENDING)
    status = _with(status, ExecutionCondition.SUCCEEDED, (Reason.PENDING, ""), now, "Unknown")
    status = _with(status, ExecutionCondition.WAITING, (Reason.NOT_WAITING, ""), now)
    status = with_runner(status, Reason.NOT_STARTED, "", now)
    return with_store(status, store, now)


def truth(store: StoreState) -> Truth:
    """Return what is known of the store."""
    if store.ready is None:
        return "Unknown"
    return "True" if store.ready else "False"


def _with(
    status: ExecutionStatus,
    type_: ExecutionCondition,
    why: tuple[Reason, str],
    now: datetime,
    known: Truth = "False",
) -> ExecutionStatus:
    told = Condition(
        type=type_,
        status=known,
        reason=why[0],
        message=statuses.cut(why[1], 1024),
        last_transition_time=now.replace(microsecond=0),
        observed_generation=status.observed_generation,
    )
    changed = conditions.replaced(status.conditions, told)
    return statuses.bounded(status.model_copy(update={"conditions": changed}))


def with_generation(execution: KitaruExecution) -> ExecutionStatus:
    """Return the status as it is, told of the spec as it is now."""
    seen = {"observed_generation": execution.metadata.generation}
    changed = tuple(one.model_copy(update=seen) for one in execution.status.conditions)
    return execution.status.model_copy(update={**seen, "conditions": changed})


def differ(old: ExecutionStatus, new: ExecutionStatus) -> bool:
    """Whether the two would be written differently: times are written in whole seconds."""
    return model.write(old) != model.write(new)


def counters_only(old: ExecutionStatus, new: ExecutionStatus) -> bool:
    """Whether nothing but counts differs; their writing has a budget of its own."""
    same = {"checkpoints": None, "journal": None}
    return not differ(old.model_copy(update=same), new.model_copy(update=same))
