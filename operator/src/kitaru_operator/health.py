"""Whether the operator lives and is ready, for the kubelet's probes."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from kitaru.ports import Clock
from kitaru_operator import metrics
from kitaru_operator.world import World

#: A resync comes each two minutes; without one, and without an event, for this long the watches are dead.
LONGEST_SILENCE: Final = 300.0


class Health:
    """Knows how old the last event or resync is."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock.monotonic()
        self.synced = False

    def beat(self) -> None:
        """Something was heard of the API server."""
        self._last = self._clock.monotonic()

    def resynced(self) -> None:
        """All objects were listed: what is not known now does not exist."""
        self.synced = True
        self.beat()

    @property
    def silence(self) -> float:
        """Seconds since something was heard."""
        return self._clock.monotonic() - self._last


async def serve(health: Health, world: World) -> web.AppRunner:
    """Answer probes and scrapes where the settings say, until the returned runner is cleaned up."""

    async def alive(_: web.Request) -> web.Response:
        silence = health.silence
        status = 200 if silence < LONGEST_SILENCE else 503
        return web.json_response({"silence": round(silence, 1)}, status=status)

    async def ready(_: web.Request) -> web.Response:
        fit = world.store.ready is True
        status = 200 if health.synced and fit else 503
        facts = {"synced": health.synced, "store": world.store.reason, "message": world.store.message}
        return web.json_response(facts, status=status)

    async def counted(_: web.Request) -> web.Response:
        text = metrics.render(
            world.cache.executions(),
            queued=len(world.queue),
            silence=health.silence,
            ready=world.store.ready is True,
        )
        return web.Response(text=text, content_type="text/plain")

    app = web.Application()
    routes = {"/healthz": alive, "/readyz": ready, "/metrics": counted}
    app.add_routes([web.get(path, handler) for path, handler in routes.items()])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, world.settings.health_host, world.settings.health_port).start()
    return runner
