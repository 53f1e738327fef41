"""The fixtures `cluster` and `s3_server`; a conftest.py imports those it needs by name.

`from kitaru_cluster.fixture import cluster, s3_server`, with both names in its `__all__`. Several
conftest.py may: pytest sees a fixture in each, and all of them give the same cluster and server.
"""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from kitaru_cluster import cluster as clusters
from kitaru_cluster import launch, s3

_CLUSTER: pytest.StashKey[clusters.Cluster] = pytest.StashKey()
_S3: pytest.StashKey[s3.S3] = pytest.StashKey()


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Generator[clusters.Cluster]:
    """Give the cluster that `KITARU_TEST_KUBECONFIG` names, else one started for this run."""
    with contextlib.ExitStack() as stack:
        if _CLUSTER not in pytestconfig.stash:
            with _shown(pytestconfig):
                pytestconfig.stash[_CLUSTER] = _found(stack)
        yield pytestconfig.stash[_CLUSTER]


@pytest.fixture(scope="session")
def s3_server(pytestconfig: pytest.Config) -> Generator[s3.S3]:
    """Give an S3 server of this run's own, on the host's loopback, without a cluster."""
    with contextlib.ExitStack() as stack:
        if _S3 not in pytestconfig.stash:
            with _shown(pytestconfig):
                pytestconfig.stash[_S3] = stack.enter_context(s3.server())
        yield pytestconfig.stash[_S3]


def _found(stack: contextlib.ExitStack) -> clusters.Cluster:
    named = os.environ.get("KITARU_TEST_KUBECONFIG")
    if named:
        return clusters.given(Path(named))
    return clusters.described(stack.enter_context(launch.running()))


@contextlib.contextmanager
def _shown(config: pytest.Config) -> Generator[None]:
    """Let the durations of builds and of the start through pytest's capturing."""
    manager = config.pluginmanager.get_plugin("capturemanager")
    if manager is None:
        yield
        return
    with manager.global_and_fixture_disabled():
        print(flush=True)
        yield
