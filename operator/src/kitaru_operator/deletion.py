"""The end of an execution whose resource goes: its journal is ended, and its data removed if that was asked."""

from __future__ import annotations

from typing import Final

from kitaru.core.head import Head
from kitaru.core.paths import ExecutionPaths
from kitaru.core.protocol.ender import Ending
from kitaru.core.resources.execution import KitaruExecution
from kitaru.core.resources.model import FINALIZER
from kitaru_operator import diary, events
from kitaru_operator.cluster import EXECUTIONS, NAMESPACES, Body, NotFoundError, Ref
from kitaru_operator.plan import EndDeleted, Notice
from kitaru_operator.world import World

_TERMINATING: Final = "Terminating"


async def end(world: World, paths: ExecutionPaths, head: Head, step: EndDeleted) -> None:
    """End the journal of a deleted resource: a number that is taken means the next one (rule 18b)."""
    ending = Ending(number=step.number, writer=world.ids.new(), record=step.record, insist=True)
    await world.journals.end(paths, ending, head)


async def purge(world: World, execution: KitaruExecution, paths: ExecutionPaths, *, hurry: bool) -> None:
    """Remove the data, then our finalizer. In a hurry, or in a namespace that goes, only the finalizer."""
    if not hurry and not await is_terminating(world, execution.metadata.namespace):
        await world.journals.purge(paths)
    else:
        uri = world.journals.uri(paths)
        diary.data_left(execution, uri)
        left = f"data may be left at {uri}: remove it by hand."
        await events.emit(world, execution, Notice("purge", "Warning", "PurgeIncomplete", left))
    await release(world, execution)


async def release(world: World, execution: KitaruExecution) -> None:
    """Let the resource go."""
    metadata = execution.metadata
    rest = [one for one in metadata.finalizers if one != FINALIZER]
    body: Body = {"metadata": {"resourceVersion": metadata.resource_version, "finalizers": [*rest]}}
    try:
        await world.cluster.patch(Ref(EXECUTIONS, metadata.namespace, metadata.name), body)
    except NotFoundError:
        return


async def is_terminating(world: World, namespace: str) -> bool:
    """Whether the namespace is being deleted, which must not wait for a store."""
    try:
        body = await world.cluster.get(Ref(NAMESPACES, "", namespace))
    except NotFoundError:
        return True
    status = body.get("status")
    return isinstance(status, dict) and status.get("phase") == _TERMINATING
