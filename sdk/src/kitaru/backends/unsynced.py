"""The local store for writes that wait for no disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kitaru.backends.sqlite import SqliteStore
from kitaru.ports import ObjectInfo


class UnsyncedStore:
    """The objects of a SQLite store; what is written here is durable once anything is that is written there later.

    Every process sees it at once, and a crash of the process loses nothing. Only the power may take it, and then with
    all that was written after it, and with every process that could have seen it.
    """

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def get(self, key: str) -> bytes | None:
        """Return the object's content, None if there is no such object."""
        return self._store.get(key)

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Write the object, whether it exists or not."""
        self._store.put(key, body, metadata, lasting=False)

    def create(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> bool:
        """Write the object if there is none; return whether it was written."""
        return self._store.create(key, body, metadata, lasting=False)

    def head(self, key: str) -> ObjectInfo | None:
        """Return size and metadata of the object, None if there is no such object."""
        return self._store.head(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Return the objects whose key begins with `prefix`, by key."""
        return self._store.list(prefix)

    def delete(self, key: str) -> None:
        """Remove the object; no error if there is none."""
        self._store.delete(key)
