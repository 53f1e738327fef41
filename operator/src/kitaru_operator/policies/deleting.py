"""The resource is being deleted: its journal ends; its data goes if that was asked, before the resource does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from kitaru.core.head import Head
from kitaru.core.journal import Cancelled
from kitaru.core.protocol import passes
from kitaru.core.resources.conditions import Reason
from kitaru.core.resources.execution import DeletionPolicy, KitaruExecution
from kitaru.core.resources.model import FINALIZER
from kitaru_operator.plan import EndDeleted, Mark, Purge
from kitaru_operator.policies.case import Answer, Case

#: After this long a deletion is not held up any more, whatever is left in the store.
LIMIT: Final = timedelta(minutes=10)
_AGAIN: Final = timedelta(seconds=2)
_REASON: Final = "the execution's resource was deleted"


def answer(case: Case) -> Answer | None:
    """Answer for a resource that somebody deleted and that a finalizer, ours or another's, keeps."""
    metadata = case.execution.metadata
    since = metadata.deletion_timestamp
    if since is None:
        return None
    if FINALIZER not in metadata.finalizers:
        return Answer(runner=Reason.FINISHED, step=ended(case.execution, case.observed.head, case.now))
    if case.execution.spec.deletion_policy is DeletionPolicy.RETAIN:
        rest = tuple(one for one in metadata.finalizers if one != FINALIZER)
        return Answer(runner=Reason.FINISHED, step=Mark(metadata.uid, rest))
    if case.now >= since + LIMIT:
        return Answer(runner=Reason.FINISHED, step=Purge(hurry=True))
    ending = ended(case.execution, case.observed.head, case.now)
    if ending is not None:
        return Answer(runner=Reason.FINISHED, step=ending, again=case.now)
    if any(pod.alive(case.now, case.observed.lost_nodes) for pod in case.observed.pods):
        # What runs on would write into what is being removed.
        return Answer(runner=Reason.FINISHED, again=case.now + _AGAIN)
    return Answer(runner=Reason.FINISHED, step=Purge(hurry=False))


def ended(execution: KitaruExecution, head: Head, now: datetime) -> EndDeleted | None:
    """Return how the journal of a deleted resource is ended, None if it is over (rule 18b)."""
    step = passes.decide_deleted(head, execution.status.attempt)
    if isinstance(step, passes.Nothing):
        return None
    return EndDeleted(step.number, Cancelled(reason=_REASON, at=now))
