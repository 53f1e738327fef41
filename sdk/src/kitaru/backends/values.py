"""The Artifacts and Histories ports on any object store: large and saved values, and old logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kitaru.backends import log
from kitaru.core.journal import Slot
from kitaru.core.paths import ExecutionPaths
from kitaru.errors import KitaruBackendError
from kitaru.ports import ObjectStore


class ObjectArtifacts:
    """The artifacts of one execution."""

    def __init__(self, store: ObjectStore, paths: ExecutionPaths) -> None:
        self._store = store
        self._paths = paths

    def put(self, artifact: str, body: bytes, metadata: Mapping[str, str]) -> None:
        """Keep the encoded bytes; durable when this returns."""
        self._store.put(self._paths.artifact(artifact), body, metadata)

    def get(self, artifact: str) -> bytes:
        """Return the encoded bytes. Raises `KitaruBackendError` when they are gone."""
        key = self._paths.artifact(artifact)
        body = self._store.get(key)
        if body is None:
            message = f"The journal names the artifact {key}, which is gone: restore it from a backup."
            raise KitaruBackendError(message)
        return body


class ObjectHistories:
    """What the executions of one store left behind. `paths` gives an execution's keys by its id."""

    def __init__(self, store: ObjectStore, paths: Callable[[str], ExecutionPaths]) -> None:
        self._store = store
        self._paths = paths

    def open(self, exec_id: str) -> tuple[Sequence[Slot], ObjectArtifacts]:
        """Return an execution's log and artifacts. Raises `LookupError` for an unknown id."""
        paths = self._paths(exec_id)
        if self._store.head(paths.spec) is None:
            message = f"There is no execution {exec_id!r} in this store."
            raise LookupError(message)
        return log.read_slots(self._store, paths), ObjectArtifacts(self._store, paths)
