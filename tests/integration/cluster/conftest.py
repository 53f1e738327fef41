"""The fixtures of this folder."""

from kitaru_cluster.fixture import cluster, s3_server

__all__ = ["cluster", "s3_server"]
