"""Repairs what the watches lost: kopf never tells of an object that vanished while a watch was down."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from kitaru.core.resources.model import EXECUTION_LABEL
from kitaru.errors import KitaruError
from kitaru_operator import intake
from kitaru_operator.cache import Name
from kitaru_operator.cluster import ANSWERS, EXECUTIONS, FLOWS, PODS, Kind
from kitaru_operator.health import Health
from kitaru_operator.world import Key, World

PERIOD: Final = 120.0
_RETRY: Final = 5.0
_LOG = logging.getLogger(__name__)


async def run(world: World, health: Health) -> None:
    """Resync for ever, at once for the first time."""
    while True:
        try:
            await resync(world)
        except KitaruError as error:
            _LOG.warning("resync failed, comes again", extra={"error": str(error)})
            await asyncio.sleep(_RETRY)
        else:
            health.resynced()
            await asyncio.sleep(PERIOD)


async def resync(world: World) -> None:
    """LIST everything, take it in, and lose what was known before and is not listed."""
    known = dict(zip((EXECUTIONS, ANSWERS, PODS), world.cache.names(), strict=True))
    for kind in (FLOWS, EXECUTIONS, ANSWERS, PODS):
        listed = await _list(world, kind)
        for name in known.get(kind, frozenset()) - listed:
            intake.lose(world, kind, name)
    for one in world.cache.executions():
        key = Key("execution", one.namespace, one.name)
        if not _rests(world, key, one.resource_version):
            world.touch(key)


async def _list(world: World, kind: Kind) -> frozenset[Name]:
    names: set[Name] = set()
    labels = {EXECUTION_LABEL: ""} if kind is PODS else None
    for namespace in world.settings.namespaces or ("",):
        async for body in world.cluster.list(kind, namespace, labels):
            metadata = body.get("metadata")
            if isinstance(metadata, dict):
                names.add((str(metadata.get("namespace")), str(metadata.get("name"))))
            intake.take(world, kind, "seen", body)
    return frozenset(names)


def _rests(world: World, key: Key, version: str) -> bool:
    """Whether the last pass left nothing to do, and nothing has happened since."""
    memory = world.memories.get(key)
    return memory is not None and memory.settled == version
