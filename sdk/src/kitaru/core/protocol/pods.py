"""Which pods still count (rule 13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

#: How long a pod may outlive its `deletionTimestamp`, which includes the grace period already.
OVERDUE: Final = timedelta(seconds=2)
_ALIVE: Final = frozenset({"Pending", "Running", "Unknown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPod:
    """What an operator sees of an attempt's pod.

    `phase` is the pod's `status.phase`; `deleted_at` its `deletionTimestamp`; `node_lost` says that
    its node is gone or tainted `node.kubernetes.io/unreachable`.
    """

    phase: str
    deleted_at: datetime | None = None
    node_lost: bool = False


def is_alive(pod: SeenPod, now: datetime) -> bool:
    """Return whether the pod's process may still be at work.

    It may be even when this is False (a zombie). That wastes work and corrupts nothing, because the
    journal refuses it.
    """
    if pod.node_lost or pod.phase not in _ALIVE:
        return False
    return pod.deleted_at is None or now <= pod.deleted_at + OVERDUE
