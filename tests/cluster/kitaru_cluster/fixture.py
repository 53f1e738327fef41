"""The fixtures `cluster` and `s3_server`; a conftest.py imports those it needs by name.

`from kitaru_cluster.fixture import cluster, s3_server`, with both names in its `__all__`.
"""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from kitaru_cluster import cluster as clusters
from kitaru_cluster import launch, s3


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Generator[clusters.Cluster]:
    """Give the cluster that `KITARU_TEST_KUBECONFIG` names, else one started for this run."""
    named = os.environ.get("KITARU_TEST_KUBECONFIG")
    if named:
        yield clusters.given(Path(named))
        return
    with contextlib.ExitStack() as stack:
        with _shown(pytestconfig):
            run = stack.enter_context(launch.running())
        yield clusters.described(run)


@pytest.fixture(scope="session")
def s3_server(pytestconfig: pytest.Config) -> Generator[s3.S3]:
    """Give an S3 server of this run's own, on the host's loopback, without a cluster."""
    with contextlib.ExitStack() as stack:
        with _shown(pytestconfig):
            server = stack.enter_context(s3.server())
        yield server


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
