"""The fixtures of these tests: one installed operator for the run, a namespace for each test."""

from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

from kitaru.backends.boto3_store import Boto3Store
from kitaru.backends.s3 import S3Settings
from kitaru_cluster import install
from kitaru_cluster.cluster import Cluster
from kitaru_cluster.fixture import cluster
from kitaru_cluster.images import Image, Recipe
from kitaru_cluster.install import Installation
from tests.e2e.support.space import Space, opened

__all__ = ["cluster"]

FLOWS: Final = Path(__file__).parent / "flows"


@pytest.fixture(scope="session")
def installed(cluster: Cluster) -> Installation:
    """Install the operator by its chart, as a user does."""
    return install.operator(cluster)


@pytest.fixture(scope="session")
def flows(cluster: Cluster, installed: Installation) -> Image:
    """Build the image with the flows of these tests, as a user builds one with his."""
    return install.flow_image(cluster, installed, Recipe("e2e-flows", FLOWS / "Dockerfile", FLOWS))


@pytest.fixture(scope="session")
def example(cluster: Cluster, installed: Installation) -> Image:
    """Build the image of the research agent."""
    return install.example(cluster, installed)


@pytest.fixture(scope="session")
def store(cluster: Cluster, installed: Installation) -> Generator[Boto3Store]:
    """Give the bucket of all journals."""
    s3 = cluster.s3
    settings = S3Settings(
        bucket=installed.bucket,
        endpoint=s3.url,
        region=s3.region,
        access_key=s3.access_key,
        secret_key=s3.secret_key,
    )
    with Boto3Store(settings) as opened:
        yield opened


@pytest.fixture
def space(cluster: Cluster, installed: Installation, flows: Image, store: Boto3Store) -> Generator[Space]:
    """Give a namespace with the store's credentials, deleted at the end."""
    with opened(cluster, installed, flows, store) as made:
        yield made
