"""What the local stack stands on, in one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kitaru.backends.caches import ObjectCache, Owner, Pointers
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
    """A folder's store and locks, this process's flows and terminal, and who sits at it.

    `cache` is where the calls of its executions find each other's results; None: they do not.
    """

    store: SqliteStore
    locks: Locks
    flows: Registry
    terminal: Terminal
    clock: Clock
    ids: Ids
    user: str = ""
    cache: Pointers | None = None

    def paths(self, exec_id: str) -> ExecutionPaths:
        """Return the keys of an execution."""
        return paths.execution("", NAME, exec_id)

    def cache_of(self, exec_id: str) -> ObjectCache | None:
        """Return the cache as an execution sees it."""
        if self.cache is None:
            return None
        owner = Owner(prefix="", namespace=NAME, uid=exec_id, execution=exec_id)
        return ObjectCache(self.store, owner, self.cache)
