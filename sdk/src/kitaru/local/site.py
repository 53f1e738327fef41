"""What the local stack stands on, in one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from pydantic import JsonValue

from kitaru.backends.caches import ObjectCache, Owner
from kitaru.backends.pointers import Pointers
from kitaru.backends.sqlite import SqliteStore
from kitaru.core import paths
from kitaru.core.head import OpenWait
from kitaru.core.paths import ExecutionPaths
from kitaru.errors import KitaruError
from kitaru.local.locks import Locks
from kitaru.local.registry import Registry
from kitaru.local.terminal import Terminal
from kitaru.ports import Clock, Ids, Journal

#: The stack's name, and the namespace of its keys.
NAME: Final = "local"


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that a script gives."""

    value: JsonValue


class Script(Protocol):
    """Answers open waits in place of people."""

    def answer(self, wait: OpenWait) -> Given | None:
        """Return the answer to an open wait, None when there is none."""
        ...

    def refused(self, wait: OpenWait, error: KitaruError) -> None:
        """Take in that the answer was refused; it is not to be given again."""
        ...


def _as_it_is(journal: Journal) -> Journal:
    return journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A folder's store and locks, this process's flows and terminal, and who sits at it.

    `cache` is where the calls of its executions find each other's results; None: they do not. `script` answers open
    waits in place of people, and `journaled` may stand between an attempt and its journal: both are for tests.
    """

    store: SqliteStore
    locks: Locks
    flows: Registry
    terminal: Terminal
    clock: Clock
    ids: Ids
    user: str = ""
    cache: Pointers | None = None
    script: Script | None = None
    journaled: Callable[[Journal], Journal] = _as_it_is

    def paths(self, exec_id: str) -> ExecutionPaths:
        """Return the keys of an execution."""
        return paths.execution("", NAME, exec_id)

    def cache_of(self, exec_id: str) -> ObjectCache | None:
        """Return the cache as an execution sees it."""
        if self.cache is None:
            return None
        owner = Owner(prefix="", namespace=NAME, uid=exec_id, execution=exec_id)
        return ObjectCache(self.store, owner, self.cache)
