"""What an execution's resource says of it, as every stack says it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from kitaru.backends.kube_settings import KubeSettings
from kitaru.core import paths
from kitaru.core.located import Located
from kitaru.core.phases import Phase
from kitaru.core.resources import conditions, model
from kitaru.core.resources.conditions import ExecutionCondition, Reason
from kitaru.core.resources.execution import KitaruExecution

#: Reasons that stand for a trouble, and not for a state on the way.
_TROUBLE: Final = frozenset(
    {
        Reason.ATTEMPTS_EXHAUSTED,
        Reason.BACKING_OFF,
        Reason.CONTAINER_NOT_CREATED,
        Reason.CREDENTIALS_MISSING,
        Reason.FLOW_NOT_FOUND,
        Reason.IMAGE_NOT_PULLED,
        Reason.POD_REFUSED,
        Reason.SPEC_CHANGED,
        Reason.START_DEADLINE_EXCEEDED,
        Reason.STORE_DENIED,
        Reason.STORE_UNAVAILABLE,
        Reason.STORE_UNFIT,
        Reason.TAG_NOT_FOUND,
        Reason.UNSCHEDULABLE,
        Reason.VERSION_NOT_FOUND,
    }
)
_TOLD: Final = (ExecutionCondition.STORE_READY, ExecutionCondition.RUNNER_READY, ExecutionCondition.SUCCEEDED)


def located(settings: KubeSettings, execution: KitaruExecution) -> Located:
    """Return the execution as the stack knows it."""
    about, status = execution.metadata, execution.status
    if about.creation_timestamp is None:
        message = f"KitaruExecution {about.name!r} was never stored."
        raise ValueError(message)
    return Located(
        exec_id=about.name,
        flow=execution.spec.flow,
        stack=settings.stack,
        phase=phase(execution),
        paths=paths.execution(settings.prefix, settings.namespace, storage_id(execution)),
        created_at=about.creation_timestamp,
        version=status.version,
        reason=_trouble(execution),
    )


def storage_id(execution: KitaruExecution) -> str:
    """Return the id under which the execution's data lies: its first uid."""
    return execution.metadata.annotations.get(model.EXECUTION_ID) or execution.metadata.uid


def phase(execution: KitaruExecution) -> Phase:
    """Return the phase; a failed execution that may be tried again is as good as pending."""
    status = execution.status
    if status.phase is Phase.FAILED and execution.spec.retry >= status.failures:
        return Phase.PENDING
    return status.phase or Phase.PENDING


def matching(executions: Iterable[KitaruExecution], wanted: str) -> list[KitaruExecution]:
    """Return the executions whose uid, id or name is `wanted`, or else begins with it."""
    exact: list[KitaruExecution] = []
    begun: list[KitaruExecution] = []
    for one in executions:
        ids = {one.metadata.name, one.metadata.uid, storage_id(one)}
        if wanted in ids:
            exact.append(one)
        elif any(name.startswith(wanted) for name in ids):
            begun.append(one)
    return exact or begun


def _trouble(execution: KitaruExecution) -> str | None:
    for kind in _TOLD:
        told = conditions.condition(execution.status.conditions, kind)
        if told is not None and told.status == "False" and told.reason in _TROUBLE:
            return told.message or told.reason
    return None
