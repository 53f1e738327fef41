"""The CallCache port: on any object store, and in memory.

A pointer `cache/<key>` names the slot of an execution's log in which a call's outcome stands. So nothing is kept
twice, and what a person deletes with an execution is gone from the cache too.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import datetime

from kitaru.backends.pointers import Pointers
from kitaru.backends.values import ObjectArtifacts
from kitaru.core import caching, encoding, paths
from kitaru.core.caching import Pointer
from kitaru.core.journal import Returned
from kitaru.errors import KitaruError
from kitaru.ports import Artifacts, Cached, ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """An execution: where its namespace's keys begin, the id that the storage uses, and the one people know."""

    prefix: str
    namespace: str
    uid: str
    execution: str


class ObjectCache:
    """Finds and keeps pointers; `store` is where the executions lie."""

    def __init__(self, store: ObjectStore, owner: Owner, pointers: Pointers) -> None:
        self._store = store
        self._owner = owner
        self._pointers = pointers

    def find(self, key: str, since: datetime | None) -> Cached | None:
        """Return the call that was kept last under the key, None if it is gone or too old."""
        try:
            return self._find(key, since)
        except KitaruError:
            # Whatever is wrong with the store or with what lies there: the function can still be run.
            return None

    def keep(self, key: str, slot: int, outcome: Returned) -> None:
        """Point to this slot of the execution's log."""
        owner = self._owner
        pointer = Pointer(execution=owner.execution, uid=owner.uid, call=outcome.call, slot=slot, at=outcome.at)
        try:
            self._pointers.put(self._place(key), caching.encode(pointer))
        except KitaruError:
            return

    def flush(self) -> None:
        """Return when what was kept can be found by others, or after a moment at most."""
        self._pointers.flush()

    def _find(self, key: str, since: datetime | None) -> Cached | None:
        body = self._pointers.get(self._place(key))
        pointer = None if body is None else caching.decode(body)
        if pointer is None or pointer.uid == self._owner.uid or (since is not None and pointer.at < since):
            return None
        there = paths.execution(self._owner.prefix, self._owner.namespace, pointer.uid)
        slot = self._store.get(there.slot(pointer.slot))
        records = () if slot is None else encoding.decode_slot(slot).records
        for record in records:
            if isinstance(record, Returned) and record.call == pointer.call and record.reused is None:
                artifacts = ObjectArtifacts(self._store, there)
                return Cached(execution=pointer.execution, outcome=record, artifacts=artifacts)
        return None

    def _place(self, key: str) -> str:
        return paths.cached(self._owner.prefix, self._owner.namespace, key)


class MemoryCache:
    """The port in memory. `shelf` is what the executions of one stack share."""

    def __init__(self, shelf: MutableMapping[str, Cached], execution: str, artifacts: Artifacts) -> None:
        self._shelf = shelf
        self._execution = execution
        self._artifacts = artifacts

    def find(self, key: str, since: datetime | None) -> Cached | None:
        """Return the call that was kept last under the key, None if there is none or it is too old."""
        found = self._shelf.get(key)
        if found is None or found.execution == self._execution or (since is not None and found.outcome.at < since):
            return None
        return found

    def keep(self, key: str, slot: int, outcome: Returned) -> None:
        """Keep the call, of whatever slot."""
        del slot
        self._shelf[key] = Cached(execution=self._execution, outcome=outcome, artifacts=self._artifacts)

    def flush(self) -> None:
        """Do nothing: it is kept."""
