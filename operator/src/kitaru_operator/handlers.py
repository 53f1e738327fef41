"""kopf as the watch layer: each handler takes one event in. Nothing is decided and nothing is written here."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import datetime, timedelta
from typing import Final, Protocol

import kopf
import pydantic
from pydantic import JsonValue

from kitaru.core.resources.model import EXECUTION_LABEL, GROUP
from kitaru.ports import Clock
from kitaru_operator import intake
from kitaru_operator.cluster import ANSWERS, EXECUTIONS, FLOWS, PODS, Change, Kind
from kitaru_operator.health import Health
from kitaru_operator.world import World

#: A service account's token is read anew after this long; kubelets replace it each hour.
_TOKEN: Final = timedelta(minutes=50)
#: kopf takes its finalizer off whatever it watches without needing it: it must not be the one that holds data.
_FINALIZER: Final = f"{GROUP}/kopf"
#: Seconds after which a shutdown that hangs is over.
_EXIT: Final = 10.0


#: An event's object is JSON already; this only says so.
_OBJECT: Final = pydantic.TypeAdapter(dict[str, JsonValue])


class _Handler(Protocol):
    async def __call__(self, *, event: kopf.RawEvent, **_: object) -> None: ...


async def watch(world: World, health: Health, stop: asyncio.Event) -> None:
    """Watch until a signal comes, then set `stop`. kopf ends every task that began after this one."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(_login(world.clock))
    for kind in (FLOWS, EXECUTIONS, ANSWERS):
        on = kopf.on.event(kind.group, kind.version, kind.plural, registry=registry)
        on(_handler(kind, world, health))
    kopf.on.event(PODS.version, PODS.plural, registry=registry)(_handler(PODS, world, health))

    async def ending(**_: object) -> None:
        stop.set()

    kopf.on.cleanup(registry=registry)(ending)
    namespaces = world.settings.namespaces
    await kopf.operator(
        registry=registry,
        settings=settings(),
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
    )


def settings() -> kopf.OperatorSettings:
    """Return kopf's settings: it posts nothing, looks for no peers, scans for no kinds, and notices dead watches."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.peering.standalone = True
    chosen.scanning.disabled = True
    chosen.persistence.finalizer = _FINALIZER
    chosen.watching.connect_timeout = 10
    chosen.watching.server_timeout = 300
    chosen.watching.client_timeout = 310
    chosen.watching.chunk_size = 500
    chosen.watching.label_selectors[PODS.version, PODS.plural] = EXECUTION_LABEL
    chosen.networking.request_timeout = 30
    chosen.networking.error_backoffs = (1, 1, 2, 3, 5, 8)
    chosen.process.ultimate_exiting_timeout = _EXIT
    return chosen


def _handler(kind: Kind, world: World, health: Health) -> _Handler:
    async def handle(*, event: kopf.RawEvent, **_: object) -> None:
        health.beat()
        change: Change = "lost" if event["type"] == "DELETED" else "seen"
        intake.take(world, kind, change, _OBJECT.validate_python(event["object"]))

    return handle


class _Login(Protocol):
    def __call__(
        self, *, settings: kopf.OperatorSettings, logger: kopf.Logger, **_: object
    ) -> kopf.ConnectionInfo | None: ...


def _login(clock: Clock) -> _Login:
    def login(*, settings: kopf.OperatorSettings, logger: kopf.Logger, **_: object) -> kopf.ConnectionInfo | None:
        account = kopf.login_with_service_account(settings=settings, logger=logger)
        if account is None:
            return kopf.login_with_kubeconfig(settings=settings, logger=logger)
        return dataclasses.replace(account, expiration=_expiry(clock))

    return login


def _expiry(clock: Clock) -> datetime:
    return clock.now() + _TOKEN
