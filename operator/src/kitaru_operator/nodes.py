"""Which nodes are lost: gone, or tainted as unreachable (rule 13). A pod on one says Running for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, JsonValue

from kitaru_operator.cluster import NODES, Cluster, NotFoundError, Ref

_UNREACHABLE: Final = "node.kubernetes.io/unreachable"


class _Taint(BaseModel):
    key: str


class _Spec(BaseModel):
    taints: tuple[_Taint, ...] = ()


class _Node(BaseModel):
    spec: _Spec = _Spec()


async def lost(cluster: Cluster, names: frozenset[str]) -> frozenset[str]:
    """Return those of the nodes that are lost, asked live."""
    return frozenset([name for name in names if await _is_lost(cluster, name)])


async def _is_lost(cluster: Cluster, name: str) -> bool:
    try:
        return is_unreachable(await cluster.get(Ref(NODES, "", name)))
    except NotFoundError:
        return True


def is_unreachable(body: Mapping[str, JsonValue]) -> bool:
    """Whether the node's taints say that nobody hears of it."""
    return any(taint.key == _UNREACHABLE for taint in _Node.model_validate(body).spec.taints)
