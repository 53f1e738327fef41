"""The fixtures of this folder."""

from kitaru_cluster.fixture import cluster
from tests.integration.crds.installing import installed
from tests.integration.operator.operating import credentials, operated

__all__ = ["cluster", "credentials", "installed", "operated"]
