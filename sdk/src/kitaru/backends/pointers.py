"""Small objects that may be lost, which nobody waits for: where the finished calls lie that others may take over."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from typing import Final, Protocol

from kitaru.core.capture import Capture
from kitaru.errors import KitaruError
from kitaru.ports import ObjectStore

#: Pointers that wait for a store that is slow; more are dropped.
_MOST: Final = 10_000
#: Seconds for which the end of an attempt or of the process waits for them.
_PATIENCE: Final = 2.0
#: Seconds for which pointers are gathered before they are written to the local store.
_PERIOD: Final = 0.1
#: Pointers that are written to it at once.
_FEW: Final = 50
#: Seconds for which the thread that writes them stays when there is nothing to write.
_LINGER: Final = 5.0
#: Names that one request lists.
_PAGE: Final = 1000


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


class BatchStore(Protocol):
    """What is asked of the local store."""

    def get(self, key: str) -> bytes | None:
        """Return the object's content, None if there is none."""
        ...

    def put_all(self, objects: Mapping[str, bytes], *, lasting: bool) -> None:
        """Write the objects at once, and wait for the disk if they are to be `lasting`."""
        ...


class NearPointers:
    """Pointers in the local store: written many at a time, since each write costs as much as a commit."""

    def __init__(self, store: BatchStore) -> None:
        self._store = store
        self._later = Later(partial(_write_few, store), _PERIOD)
        # When the process exits; the store, which was opened before, is closed after.
        self._finalizer = weakref.finalize(self, self._later.flush)

    def get(self, key: str) -> bytes | None:
        """Return the object's content, None if there is none."""
        return self._later.waiting(key) or self._store.get(key)

    def put(self, key: str, body: bytes) -> None:
        """Have the object written soon; in this process it is there at once."""
        self._later.put(key, body)

    def flush(self) -> None:
        """Do nothing: who asks in this process finds what is not yet written."""

    def close(self) -> None:
        """Write what is not yet written, before the store is closed; done when the process exits, too."""
        self._finalizer()


def _write_few(store: BatchStore, objects: Mapping[str, bytes]) -> None:
    """Write a few at a time, so that a commit does not wait long for its turn."""
    left = iter(objects.items())
    while some := dict(islice(left, _FEW)):
        store.put_all(some, lasting=False)


class FarPointers:
    """Pointers in a store behind a network, asked for as rarely as may be.

    A checkpoint that is called again and again has its keys listed once, at the second call; what the list lacks is
    not asked for. A key that appears later is not seen, which costs what a miss costs.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._later = Later(self._write, 0.0)
        self._guard = threading.Lock()
        #: What is there of a checkpoint: None when it was asked for once, or has too many keys to be listed.
        self._listed: dict[str, frozenset[str] | None] = {}
        self._asked: set[str] = set()

    def get(self, key: str) -> bytes | None:
        """Return the object's content, None if there is none or it is new."""
        listed = self._keys(key.rpartition("/")[0])
        return None if listed is not None and key not in listed else self._store.get(key)

    def put(self, key: str, body: bytes) -> None:
        """Have the object written soon."""
        self._later.put(key, body)

    def flush(self) -> None:
        """Return when what was put is written, or after two seconds."""
        self._later.flush()

    def _keys(self, folder: str) -> frozenset[str] | None:
        with self._guard:
            first = folder not in self._asked
            self._asked.add(folder)
            if first or folder in self._listed:
                return self._listed.get(folder)
        listed: frozenset[str] | None = None
        with Capture(KitaruError):  # who may not list asks for each
            found = frozenset(info.key for info in islice(self._store.list(f"{folder}/"), _PAGE))
            listed = found if len(found) < _PAGE else None
        with self._guard:
            self._listed[folder] = listed
        return listed

    def _write(self, objects: Mapping[str, bytes]) -> None:
        for key, body in objects.items():
            self._store.put(key, body)


class Later:
    """Writes objects in a thread of its own, so that nobody waits for them; the newest of a key wins.

    `write` is given what came within `period` seconds. What it refuses by a `KitaruError` is lost, and so is what comes
    while too many wait already.
    """

    def __init__(self, write: Callable[[Mapping[str, bytes]], None], period: float) -> None:
        self._write = write
        self._period = period
        self._changed = threading.Condition()
        self._pending: dict[str, bytes] = {}
        self._batch: dict[str, bytes] = {}
        self._hurry = False
        self._running = False
        self._process = os.getpid()

    def put(self, key: str, body: bytes) -> None:
        """Have the object written soon; returns at once."""
        with self._changed:
            if len(self._pending) >= _MOST:
                return
            self._pending[key] = body
            if len(self._pending) == 1:
                self._changed.notify_all()
            start = not self._running
            self._running = True
        if start:
            # A daemon: whoever leaves calls flush() first, and else loses pointers only.
            threading.Thread(target=self._run, name="kitaru-cache", daemon=True).start()

    def waiting(self, key: str) -> bytes | None:
        """Return what is to be written under the key, None if nothing is."""
        with self._changed:
            return self._pending.get(key) or self._batch.get(key)

    def flush(self) -> None:
        """Return when what was put is written, or after two seconds."""
        if os.getpid() != self._process:
            return  # forked: the thread, and what it writes, are the parent's
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            self._changed.wait_for(self._is_done, _PATIENCE)
            self._hurry = False

    def _is_done(self) -> bool:
        return not self._pending and not self._batch

    def _run(self) -> None:
        while self._gathered():
            with Capture(KitaruError):
                self._write(self._batch)
            with self._changed:
                self._batch = {}
                self._changed.notify_all()

    def _gathered(self) -> bool:
        """Wait for something to write; False when nothing came for a while, and the thread ends."""
        with self._changed:
            self._running = self._changed.wait_for(lambda: bool(self._pending), _LINGER)
            if self._running:
                self._changed.wait_for(lambda: self._hurry, self._period)
                self._batch, self._pending = self._pending, {}
            return self._running
