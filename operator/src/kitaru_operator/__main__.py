"""The operator's process: settings in, everything wired, until a signal or a dead part ends it."""

from __future__ import annotations

import asyncio
import os
import sys
from random import SystemRandom
from typing import Final

from kitaru.backends.clock import SystemClock
from kitaru.backends.ids import RandomIds
from kitaru.errors import KitaruError
from kitaru_operator import config, connect, handlers, health, logs, probing, resync, work
from kitaru_operator.cache import Cache
from kitaru_operator.clusters import kube
from kitaru_operator.health import Health
from kitaru_operator.schedule import Schedule
from kitaru_operator.settings import Settings
from kitaru_operator.workers import WorkQueue
from kitaru_operator.world import Key, World

#: Passes at once.
_HANDS: Final = 16


async def run(settings: Settings, kubeconfig: str | None) -> None:
    """Run until a signal. A part that dies ends the process, because a restart is always safe."""
    clock, ids = SystemClock(), RandomIds()
    store = connect.open_store(settings.s3)
    cluster = await kube.connect(kubeconfig)
    world = World(
        cluster=cluster,
        journals=connect.StoreJournals(store, settings.s3, clock, ids, connect.in_threads()),
        cache=Cache(),
        queue=WorkQueue(Schedule[Key](SystemRandom()), _HANDS),
        settings=settings,
        clock=clock,
        ids=ids,
    )
    pulse, stop = Health(clock), asyncio.Event()
    probes = await health.serve(pulse, world)
    parts = {
        asyncio.create_task(handlers.watch(world, pulse, stop)),
        asyncio.create_task(resync.run(world, pulse)),
        asyncio.create_task(_probe(world)),
        asyncio.create_task(world.queue.run(lambda key: work.work(world, key))),
    }
    try:
        await _until(parts, stop)
    finally:
        await probes.cleanup()
        await cluster.close()


async def _probe(world: World) -> None:
    await probing.run(world)
    await asyncio.Event().wait()


async def _until(parts: set[asyncio.Task[None]], stop: asyncio.Event) -> None:
    """Return when `stop` is set; raise what a part died of."""
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({*parts, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for one in {*parts, stopping} - done:
        one.cancel()
    for one in done:
        one.result()


def main() -> int:
    """Run the operator; return the process's exit code."""
    try:
        settings = config.from_environment()
    except KitaruError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logs.configure(settings.log_level)
    try:
        asyncio.run(run(settings, os.environ.get("KUBECONFIG")))
    except KitaruError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
