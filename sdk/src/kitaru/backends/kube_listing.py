"""What a KitaruExecution says of itself in a list, and when it has to be resumed. The lists are pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from kitaru.backends import kube_located, log
from kitaru.backends.kube_settings import KubeSettings
from kitaru.core import phases
from kitaru.core.head import State
from kitaru.core.listing import Query, Row
from kitaru.core.phases import Phase, Status
from kitaru.core.resources.execution import KitaruExecution, WaitStatus
from kitaru.core.resuming import Seen
from kitaru.core.views import FailureInfo, PendingWait
from kitaru.errors import FailureOrigin
from kitaru.ports import ObjectStore

_UNSTORED = "an execution that was listed has no creationTimestamp"


def rows(settings: KubeSettings, executions: Iterable[KitaruExecution], query: Query) -> list[Row]:
    """Return the executions that are asked for, the newest first; of one second, by name."""
    wanted = [
        one for one in executions if query.takes_flow(one.spec.flow) and query.takes_phase(kube_located.phase(one))
    ]
    wanted.sort(key=lambda one: (_created(one), one.metadata.name), reverse=True)
    return [_row(settings, one) for one in wanted[query.offset : query.end]]


def seen(settings: KubeSettings, store: ObjectStore, execution: KitaruExecution) -> Seen:
    """Return what decides whether the execution has to be resumed: the journal says which waits were answered."""
    located = kube_located.located(settings, execution)
    failure = execution.status.failure
    if phases.status_of(located.phase) is not Status.WAITING:
        origin = FailureOrigin.RUNTIME if failure is None else failure.origin
        return Seen(phase=located.phase, origin=origin)
    head = log.read_head(store, located.paths)
    waits = [one.id for one in head.waits]
    decided = [wait for wait in waits if log.read_decision(store, located.paths, wait) is not None]
    ended = head.state in {State.COMPLETED, State.FAILED, State.CANCELLED}
    # Without an open wait its resource lags behind its log, and the operator goes on with it.
    return Seen(phase=Phase.RUNNING if ended or not waits else Phase.WAITING, waits=waits, decided=decided)


def _row(settings: KubeSettings, execution: KitaruExecution) -> Row:
    status, located = execution.status, kube_located.located(settings, execution)
    failed = located.phase is Phase.FAILED
    return Row(
        located=located,
        attempt=status.attempt,
        started_at=status.started_at,
        ended_at=status.finished_at,
        failure=_failure(execution) if failed else None,
        waits=tuple(_wait(one, _created(execution)) for one in status.waits),
    )


def _failure(execution: KitaruExecution) -> FailureInfo:
    told = execution.status.failure
    if told is None:
        message = "The execution ended without a record of its end."
        return FailureInfo(message=message, origin=FailureOrigin.RUNTIME)
    return FailureInfo(message=told.message, origin=told.origin, checkpoint=told.checkpoint)


def _wait(wait: WaitStatus, created: datetime) -> PendingWait:
    return PendingWait(
        wait_id=wait.id,
        name=wait.name,
        entered_waiting_at=wait.since or created,
        question=wait.question,
        schema=wait.schema_,
        deadline=wait.deadline,
    )


def _created(execution: KitaruExecution) -> datetime:
    if execution.metadata.creation_timestamp is None:
        raise ValueError(_UNSTORED)
    return execution.metadata.creation_timestamp
