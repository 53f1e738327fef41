"""Probes the store at the start: no attempt begins on one that ignores the conditions of a write."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from kitaru.core.resources.conditions import Reason
from kitaru_operator.observed import StoreState
from kitaru_operator.world import Key, World

_AGAIN: Final = 10.0
#: Seconds after which it is told that a probe has no answer yet.
_PATIENCE: Final = 3.0
_LOG = logging.getLogger(__name__)


async def run(world: World, patience: float = _PATIENCE) -> None:
    """Probe until the store is fit, and tell every execution what was found."""
    while world.store.ready is not True:
        # A probe that hangs is not cut off: the next one would hang beside it, in a thread of its own.
        probe = asyncio.create_task(world.journals.probe())
        answered, _ = await asyncio.wait({probe}, timeout=patience)
        if not answered and world.store.ready is None:
            _find(world, StoreState(None, Reason.STORE_UNAVAILABLE, _SILENT.format(patience)))
        found = await probe
        _find(world, found)
        if found.ready is not True:
            await asyncio.sleep(_AGAIN)


_SILENT: Final = "the store has given no answer for {:g} s: it is asked on, and nothing is started meanwhile."


def _find(world: World, found: StoreState) -> None:
    if found == world.store:
        return
    world.store = found
    level = logging.INFO if found.ready else logging.WARNING
    _LOG.log(level, "store probed", extra={"ready": found.ready, "reason": found.reason, "text": found.message})
    for one in world.cache.executions():
        world.touch(Key("execution", one.namespace, one.name))
