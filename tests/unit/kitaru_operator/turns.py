"""Requests by turns: a pass of the operator stops before each, and whoever drives it decides when it goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Mapping
from typing import TypeVar

from kitaru_operator.cluster import PODS, Body, DeniedError, Kind, Ref
from kitaru_operator.clusters.memory import MemoryCluster

_T = TypeVar("_T")


class Turn:
    """Awaited before each request: whoever drives the pass may stop it there."""

    def __await__(self) -> Generator[None]:
        yield


def drive(work: Coroutine[None, None, _T]) -> _T:
    """Bring what only awaits turns to its end. An event loop of its own for each would cost more than all the rest."""
    while True:
        try:
            work.send(None)
        except StopIteration as stop:
            done: _T = stop.value
            return done


async def by_turns(task: Callable[[], _T]) -> _T:
    """Run a request to the store when it is its turn."""
    await Turn()
    return task()


class Turning:
    """The API server, each request of the operator at its turn."""

    def __init__(self, cluster: MemoryCluster) -> None:
        self._cluster = cluster
        self.refusal: str | None = None

    async def get(self, ref: Ref) -> Body:
        """Return the object."""
        await Turn()
        return await self._cluster.get(ref)

    async def list(self, kind: Kind, namespace: str, labels: Mapping[str, str] | None = None) -> AsyncIterator[Body]:
        """Yield the objects."""
        await Turn()
        async for body in self._cluster.list(kind, namespace, labels):
            yield body

    async def create(self, kind: Kind, namespace: str, body: Body) -> Body:
        """Make the object."""
        await Turn()
        if self.refusal is not None and kind is PODS:
            raise DeniedError(self.refusal)
        return await self._cluster.create(kind, namespace, body)

    async def patch(self, ref: Ref, body: Body) -> Body:
        """Merge into the object."""
        await Turn()
        return await self._cluster.patch(ref, body)

    async def put_status(self, ref: Ref, body: Body) -> Body:
        """Replace the status."""
        await Turn()
        return await self._cluster.put_status(ref, body)

    async def delete(self, ref: Ref, uid: str) -> None:
        """Delete the object."""
        await Turn()
        await self._cluster.delete(ref, uid)
