"""Kubernetes Events: told once each, because an Event's name says what it is about."""

from __future__ import annotations

import hashlib
import logging
from typing import Final

from kitaru.core.resources import model
from kitaru.core.resources.answer import KitaruAnswer
from kitaru.core.resources.execution import KitaruExecution
from kitaru_operator.cluster import EVENTS, AlreadyExistsError, Body, ClusterError
from kitaru_operator.plan import Notice
from kitaru_operator.world import World

_LOG: Final = logging.getLogger(__name__)
_COMPONENT: Final = "kitaru-operator"
_MESSAGE: Final = 1000


async def emit(world: World, about: KitaruExecution | KitaruAnswer, notice: Notice) -> None:
    """Write the Event if there is none of its key. It is a courtesy: that it fails stops nothing."""
    metadata = about.metadata
    now = world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hashlib.sha256(f"{metadata.uid}/{notice.key}".encode()).hexdigest()[:16]
    body: Body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata.name[:200]}.{digest}", "namespace": metadata.namespace},
        "involvedObject": {
            "apiVersion": model.API_VERSION,
            "kind": about.kind,
            "name": metadata.name,
            "namespace": metadata.namespace,
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
        },
        "type": notice.kind,
        "reason": notice.reason,
        "message": notice.message[:_MESSAGE],
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "source": {"component": _COMPONENT},
        "reportingComponent": _COMPONENT,
    }
    try:
        await world.cluster.create(EVENTS, metadata.namespace, body)
    except AlreadyExistsError:
        return
    except ClusterError:
        _LOG.warning("event not written", extra={"reason": notice.reason, "object": metadata.name})
