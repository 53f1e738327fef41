"""The fixtures of this folder."""

from collections.abc import Generator
from pathlib import Path

import pytest

from kitaru_cluster.fixture import s3_server
from kitaru_cluster.s3 import S3
from tests.integration.runner.runners import Execution

__all__ = ["s3_server"]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for compiled modules, so that only the first process compiles them."""
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture
def execution(s3_server: S3, compiled: Path, tmp_path: Path) -> Generator[Execution]:
    """Give an execution in a bucket of its own; its processes end with the test."""
    made = Execution(s3_server, s3_server.make_bucket(), tmp_path, compiled=compiled)
    yield made
    for process in made.running:
        process.kill()
        process.communicate()
