"""The backends of each port: a contract's tests run on all of them.

A test that takes `store` runs on memory and SQLite in `make check`, and on a real S3 server through
boto3 and obstore in `make integration`.
"""

from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from kitaru.backends.boto3_store import Boto3Store
from kitaru.backends.memory import MemoryStore
from kitaru.backends.obstore_store import ObstoreStore
from kitaru.backends.s3 import S3Settings
from kitaru.backends.sqlite import SqliteStore
from kitaru.backends.unsynced import UnsyncedStore
from kitaru.ports import ObjectStore
from kitaru_cluster.fixture import s3_server
from kitaru_cluster.s3 import S3

__all__ = ["s3_server"]

#: Opens the test's own, at first empty store, each time as a new instance where that makes sense.
Opener: TypeAlias = Callable[[], ObjectStore]

BACKENDS = (
    "memory",
    "sqlite",
    "unsynced",
    pytest.param("boto3", marks=pytest.mark.integration),
    pytest.param("obstore", marks=pytest.mark.integration),
)


@pytest.fixture(params=BACKENDS)
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Opener]:
    """Give what opens the test's store, on each backend in turn."""
    with ExitStack() as stack:
        match request.param:
            case "memory":
                store = MemoryStore()
                yield lambda: store
            case "sqlite":
                yield lambda: stack.enter_context(SqliteStore(tmp_path))
            case "unsynced":
                yield lambda: UnsyncedStore(stack.enter_context(SqliteStore(tmp_path)))
            case "boto3":
                settings = _bucket(request)
                yield lambda: stack.enter_context(Boto3Store(settings))
            case "obstore":
                settings = _bucket(request)
                yield lambda: ObstoreStore(settings)
            case unknown:
                message = f"no backend is called {unknown}"
                raise LookupError(message)


@pytest.fixture
def store(opener: Opener) -> ObjectStore:
    """Give an empty store."""
    return opener()


@pytest.fixture
def peer(store: ObjectStore, opener: Opener) -> ObjectStore:
    """Give a second instance of the test's store, as another process would have it."""
    del store  # the first instance, which also makes what both share
    return opener()


def _bucket(request: pytest.FixtureRequest) -> S3Settings:
    server: S3 = request.getfixturevalue("s3_server")
    return S3Settings(
        bucket=server.make_bucket(),
        endpoint=server.url,
        region=server.region,
        access_key=server.access_key,
        secret_key=server.secret_key,
    )
