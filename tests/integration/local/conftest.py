"""What the tests of the local stack's processes share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kitaru.client import KitaruClient
from tests.integration.local.programs import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty folder of a user."""
    return Place(tmp_path)


@pytest.fixture
def client(place: Place) -> Iterator[KitaruClient]:
    """A client of the place's local stack, in a process that has no flow loaded."""
    before = os.environ.get("KITARU_CONFIG_PATH")
    os.environ["KITARU_CONFIG_PATH"] = str(place.config)
    yield KitaruClient(stack="local")
    if before is None:
        del os.environ["KITARU_CONFIG_PATH"]
    else:
        os.environ["KITARU_CONFIG_PATH"] = before
