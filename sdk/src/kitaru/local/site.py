"""What the local stack stands on, in one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kitaru.backends.sqlite import SqliteStore
from kitaru.core import paths
from kitaru.core.paths import ExecutionPaths
from kitaru.local.locks import Locks
from kitaru.local.registry import Registry
from kitaru.local.terminal import Terminal
from kitaru.ports import Clock, Ids

#: The stack's name, and the namespace of its keys.
NAME: Final = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A folder's store and locks, this process's flows and terminal, and who sits at it."""

    store: SqliteStore
    locks: Locks
    flows: Registry
    terminal: Terminal
    clock: Clock
    ids: Ids
    user: str = ""

    def paths(self, exec_id: str) -> ExecutionPaths:
        """Return the keys of an execution."""
        return paths.execution("", NAME, exec_id)
