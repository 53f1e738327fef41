"""What is told of a store that is missing, refuses, or gives no answer: at once where nothing was told before."""

from __future__ import annotations

from typing import Final

from kitaru.core.resources.conditions import Reason
from kitaru.core.resources.execution import KitaruExecution
from kitaru.errors import (
    JournalBrokenError,
    JournalFormatError,
    KitaruBackendError,
    StoreDeniedError,
    StoreUnavailableError,
    StoreUnfitError,
)
from kitaru_operator import apply as applying
from kitaru_operator import judging, summaries, told
from kitaru_operator.observed import StoreState
from kitaru_operator.world import Memory, World

#: Failed passes in a row that make it worth a condition of an execution that has a status already.
_HICCUP: Final = 2


def reason(error: KitaruBackendError) -> Reason:
    """Return the error's name among the reasons of the condition StoreReady."""
    match error:
        case StoreUnfitError():
            return Reason.BUCKET_NOT_FOUND if error.reason == Reason.BUCKET_NOT_FOUND else Reason.STORE_UNFIT
        case StoreDeniedError():
            return Reason.STORE_DENIED
        case JournalFormatError() | JournalBrokenError():
            return Reason.JOURNAL_UNREADABLE
        case _:
            return Reason.STORE_UNAVAILABLE


def state(error: KitaruBackendError) -> StoreState:
    """Return what the error says of the whole store."""
    return StoreState(ready=False, reason=reason(error), message=str(error))


async def failed(world: World, execution: KitaruExecution, memory: Memory, error: KitaruBackendError) -> None:
    """Say on the execution that its store cannot be used: new ones have nothing else to show."""
    memory.failures += 1
    if isinstance(error, StoreUnavailableError):
        world.outage = state(error)
    if execution.metadata.deletion_timestamp is not None:
        return
    if execution.status.phase is None or memory.failures == _HICCUP:
        await announce(world, execution, state(error))


async def announce(world: World, execution: KitaruExecution, store: StoreState) -> None:
    """Tell the execution, and the answers to it that were told nothing yet, how the store is."""
    now = world.clock.now()
    if execution.status.phase is None:
        status = summaries.begun(execution, store, now)
    else:
        status = summaries.with_store(execution.status, store, now)
    if summaries.differ(execution.status, status):
        await applying.put(world, execution, status)
    for answer in world.cache.answers((execution.metadata.namespace, execution.metadata.name)):
        if answer.status.phase is None:
            await judging.tell(world, answer, told.unread(answer, store, now))
