"""Probes the store at the start: no attempt begins on one that ignores the conditions of a write."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from kitaru_operator.world import Key, World

_AGAIN: Final = 10.0
_LOG = logging.getLogger(__name__)


async def run(world: World) -> None:
    """Probe until the store is fit, and tell every execution what was found."""
    while world.store.ready is not True:
        found = await world.journals.probe()
        if found != world.store:
            world.store = found
            _LOG.info("store probed", extra={"ready": found.ready, "reason": found.reason, "text": found.message})
            for one in world.cache.executions():
                world.touch(Key("execution", one.namespace, one.name))
        if found.ready is not True:
            await asyncio.sleep(_AGAIN)
