"""The fixtures of this folder."""

import pytest

from kitaru_cluster.cluster import Cluster
from kitaru_cluster.fixture import cluster, s3_server
from kitaru_cluster.images import Image
from tests.integration.cluster import pods

__all__ = ["cluster", "s3_server"]


@pytest.fixture(scope="session")
def python_image(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Give an image with nothing but Python."""
    return cluster.build_image(pods.python(tmp_path_factory.mktemp("python-image")))
