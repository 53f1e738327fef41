"""The two S3 clients before the real S3 server."""

from collections.abc import Generator
from contextlib import ExitStack

import pytest

from kitaru.backends.boto3_store import Boto3Store
from kitaru.backends.obstore_store import ObstoreStore
from kitaru.backends.s3 import S3Settings
from kitaru_cluster.fixture import s3_server
from kitaru_cluster.s3 import S3
from tests.integration.stores.clients import Connect

__all__ = ["s3_server"]


@pytest.fixture
def settings(s3_server: S3) -> S3Settings:
    """Give the way to an empty bucket of the test's own."""
    return S3Settings(
        bucket=s3_server.make_bucket(),
        endpoint=s3_server.url,
        region=s3_server.region,
        access_key=s3_server.access_key,
        secret_key=s3_server.secret_key,
    )


@pytest.fixture(params=["boto3", "obstore"])
def connect(request: pytest.FixtureRequest) -> Generator[Connect]:
    """Give what connects to a bucket, with each client in turn."""
    with ExitStack() as stack:
        if request.param == "boto3":
            yield lambda settings: stack.enter_context(Boto3Store(settings))
        else:
            yield ObstoreStore
