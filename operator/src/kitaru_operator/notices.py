"""Which Kubernetes Events a change of status is worth. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kitaru.core.phases import Phase
from kitaru.core.resources import conditions
from kitaru.core.resources.conditions import ExecutionCondition, Reason
from kitaru.core.resources.execution import ExecutionStatus, KitaruExecution
from kitaru_operator.plan import Notice

#: What is told of a runner that does not get ready.
_TROUBLES: Final = frozenset(
    {
        Reason.BACKING_OFF,
        Reason.CONTAINER_NOT_CREATED,
        Reason.FLOW_NOT_FOUND,
        Reason.IMAGE_NOT_PULLED,
        Reason.POD_LOST,
        Reason.TAG_NOT_FOUND,
        Reason.UNSCHEDULABLE,
        Reason.VERSION_NOT_FOUND,
    }
)


def notices(execution: KitaruExecution, status: ExecutionStatus) -> tuple[Notice, ...]:
    """Return the Events for the step from the status that the resource has to this one."""
    return (*_ends(execution.status.phase, status), *_troubles(execution.status, status))


def _ends(before: Phase | None, status: ExecutionStatus) -> Iterator[Notice]:
    if before is status.phase:
        return
    key = f"{status.phase}-{status.failures}".lower()
    match status.phase:
        case Phase.COMPLETED:
            yield Notice(key, "Normal", "Completed", "the flow returned")
        case Phase.CANCELLED:
            yield Notice(key, "Normal", "Cancelled", _succeeded(status) or "cancelled")
        case Phase.FAILED:
            message = "failed" if status.failure is None else status.failure.message
            yield Notice(key, "Warning", "Failed", message)
        case _:
            return


def _succeeded(status: ExecutionStatus) -> str:
    told = conditions.condition(status.conditions, ExecutionCondition.SUCCEEDED)
    return "" if told is None else told.message


def _troubles(before: ExecutionStatus, status: ExecutionStatus) -> Iterator[Notice]:
    old = conditions.condition(before.conditions, ExecutionCondition.RUNNER_READY)
    new = conditions.condition(status.conditions, ExecutionCondition.RUNNER_READY)
    if new is None or new.reason not in _TROUBLES or (old and old.reason == new.reason):
        return
    key = f"{new.reason}-{status.attempt}".lower()
    yield Notice(key, "Warning", new.reason, new.message)
