"""The fixtures of this folder."""

from kitaru_cluster.fixture import cluster
from tests.integration.crds.installing import fresh, installed, namespace

__all__ = ["cluster", "fresh", "installed", "namespace"]
