"""A local stack in a folder of the test's own."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from kitaru.backends.clock import SystemClock
from kitaru.backends.ids import RandomIds
from kitaru.backends.sqlite import SqliteStore
from kitaru.connect import LocalStack
from kitaru.local.executions import LocalExecutions
from kitaru.local.flows import LocalFlows
from kitaru.local.locks import Locks
from kitaru.local.registry import LOADED
from kitaru.local.site import NAME, Site
from kitaru.local.terminal import Terminal


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    """A local stack, its terminal nobody's."""
    clock = SystemClock()
    with SqliteStore(tmp_path) as store:
        site = Site(
            store=store,
            locks=Locks(tmp_path / "locks", clock),
            flows=LOADED,
            terminal=Terminal(io.StringIO(), io.StringIO()),
            clock=clock,
            ids=RandomIds(),
            user="somebody",
        )
        yield LocalStack(NAME, LocalExecutions(site), LocalFlows(site))
