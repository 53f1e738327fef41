"""The Artifacts port on any object store: large values, and those that user code saved."""

from __future__ import annotations

from collections.abc import Mapping

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
