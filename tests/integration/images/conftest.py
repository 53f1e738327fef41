"""The fixtures of this folder."""

from kitaru_cluster.fixture import cluster

__all__ = ["cluster"]
