"""What may still change once an execution is over: its generation, and what becomes of its data.

Its end cannot turn, so its log is not read again. Whether the data goes with the resource is the one thing of the
spec that still counts; all else is only told to have been seen.
"""

from __future__ import annotations

from kitaru.core.resources.execution import KitaruExecution
from kitaru_operator import apply as applying
from kitaru_operator import reconcile, summaries
from kitaru_operator.world import World


def moved(execution: KitaruExecution) -> bool:
    """Whether the spec was changed since the status last spoke of it."""
    return execution.status.observed_generation != execution.metadata.generation


async def follow(world: World, execution: KitaruExecution) -> None:
    """Put the finalizer on or off, then tell that the change was seen. Raises `ConflictError`: look again."""
    mark = reconcile.mark(execution, writes=True)
    if mark is not None:
        execution = await applying.mark(world, execution, mark)
    await applying.put(world, execution, summaries.with_generation(execution))
