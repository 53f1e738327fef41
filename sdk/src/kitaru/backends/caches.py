"""The CallCache port: on any object store, and in memory.

A pointer `cache/<key>` names the slot of an execution's log in which a call's outcome stands. So nothing is kept
twice, and what a person deletes with an execution is gone from the cache too.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, Protocol

from kitaru.backends.values import ObjectArtifacts
from kitaru.core import caching, encoding, paths
from kitaru.core.caching import Pointer
from kitaru.core.journal import Returned
from kitaru.errors import KitaruError
from kitaru.ports import Artifacts, Cached, ObjectStore

#: Pointers that wait for a store that is slow; more are dropped.
_MOST: Final = 1000
#: Seconds for which an attempt's end waits for them.
_PATIENCE: Final = 2.0
#: Names that one request lists.
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """An execution: where its namespace's keys begin, the id that the storage uses, and the one people know."""

    prefix: str
    namespace: str
    uid: str
    execution: str


class Pointers(Protocol):
    """Small objects that may be lost."""

    def get(self, key: str) -> bytes | None:
        """Return the object's content, None if there is none."""
        ...

    def put(self, key: str, body: bytes) -> None:
        """Write the object, some time."""
        ...

    def flush(self) -> None:
        """Return when what was put is written, or after a moment at most."""
        ...


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


class NearPointers:
    """Pointers in a store that takes and gives them in no time. It is opened when it is first needed."""

    def __init__(self, open_store: Callable[[], ObjectStore]) -> None:
        self._open = open_store
        self._store: ObjectStore | None = None
        self._guard = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """Return the object's content, None if there is none."""
        return self._opened().get(key)

    def put(self, key: str, body: bytes) -> None:
        """Write the object."""
        self._opened().put(key, body)

    def flush(self) -> None:
        """Do nothing: it is written."""

    def _opened(self) -> ObjectStore:
        with self._guard:
            if self._store is None:
                self._store = self._open()
            return self._store


class FarPointers:
    """Pointers in a store behind a network: written in a thread of their own, and asked for as rarely as may be.

    A checkpoint that is called again and again has its keys listed once, at the second call; what the list lacks is
    not asked for. A key that appears later is not seen, which costs what a miss costs.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._queue: queue.Queue[tuple[str, bytes]] = queue.Queue(_MOST)
        self._guard = threading.Lock()
        self._started = False
        self._open = 0
        self._written = threading.Condition()
        #: What is there of a checkpoint: None when it was asked for once, or has too many keys to be listed.
        self._listed: dict[str, frozenset[str] | None] = {}
        self._asked: set[str] = set()

    def get(self, key: str) -> bytes | None:
        """Return the object's content, None if there is none or it is new."""
        folder = key.rpartition("/")[0]
        listed = self._keys(folder)
        return None if listed is not None and key not in listed else self._store.get(key)

    def put(self, key: str, body: bytes) -> None:
        """Have the object written soon. Nothing waits for it, and it is dropped when too many wait already."""
        with self._guard:
            start = not self._started
            self._started = True
        if start:
            # A daemon: whoever leaves calls flush() first, and loses pointers only.
            threading.Thread(target=self._write, name="kitaru-cache", daemon=True).start()
        with self._written:
            try:
                self._queue.put_nowait((key, body))
            except queue.Full:
                return
            self._open += 1

    def flush(self) -> None:
        """Return when what was put is written, or after two seconds."""
        with self._written:
            self._written.wait_for(lambda: self._open == 0, _PATIENCE)

    def _keys(self, folder: str) -> frozenset[str] | None:
        with self._guard:
            first = folder not in self._asked
            self._asked.add(folder)
            if first or folder in self._listed:
                return self._listed.get(folder)
        found = frozenset(info.key for info in islice(self._store.list(f"{folder}/"), _PAGE))
        listed = found if len(found) < _PAGE else None
        with self._guard:
            self._listed[folder] = listed
        return listed

    def _write(self) -> None:
        while True:
            key, body = self._queue.get()
            try:
                self._store.put(key, body)
            except KitaruError:
                pass
            finally:
                with self._written:
                    self._open -= 1
                    self._written.notify_all()


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
