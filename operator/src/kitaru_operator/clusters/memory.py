"""An API server in memory: what the operator relies on of the real one, and nothing else.

Every write bumps one counter of resource versions; a stale one is refused; names are unique; status is written
apart; an object with finalizers stays until they are gone; an owner takes what it owns along.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import TypeAlias

from pydantic import JsonValue

from kitaru.ports import Clock, Ids
from kitaru_operator.cluster import (
    AlreadyExistsError,
    Body,
    Change,
    ConflictError,
    Kind,
    NotFoundError,
    Ref,
)

#: Told of each change of an object of the kind.
Watcher: TypeAlias = Callable[[Kind, Change, Body], None]
_Name: TypeAlias = tuple[Kind, str, str]


class MemoryCluster:
    """The `Cluster` port on dictionaries. `writes` are all that were asked for so far, as verb and plural."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._objects: dict[_Name, Body] = {}
        self._version = 0
        self._watchers: list[Watcher] = []
        self.writes: list[tuple[str, str]] = []

    def watch(self, watcher: Watcher) -> None:
        """Have the watcher told of every change from now on, at once."""
        self._watchers.append(watcher)

    async def get(self, ref: Ref) -> Body:
        """Return the object as it is now."""
        return _copied(self._found(ref))

    async def list(self, kind: Kind, namespace: str, labels: Mapping[str, str] | None = None) -> AsyncIterator[Body]:
        """Yield the objects as they are now."""
        for (found, place, _), body in tuple(self._objects.items()):
            if found == kind and namespace in {"", place} and _matches(body, labels or {}):
                yield _copied(body)

    async def create(self, kind: Kind, namespace: str, body: Body) -> Body:
        """Make the object."""
        name = str(_metadata(body).get("name"))
        self.writes.append(("create", kind.plural))
        if (kind, namespace, name) in self._objects:
            message = f"{kind.plural} {name!r} already exists"
            raise AlreadyExistsError(message)
        made = _copied(body)
        made["metadata"] = {
            **_metadata(made),
            "namespace": namespace,
            "uid": self._ids.new(),
            "generation": 1,
            "creationTimestamp": self._clock.now().isoformat(),
        }
        return self._store((kind, namespace, name), made)

    async def patch(self, ref: Ref, body: Body) -> Body:
        """Merge metadata and spec; a changed spec is another generation."""
        self.writes.append(("patch", ref.kind.plural))
        old = self._unchanged(ref, body)
        merged = _merged(old, {name: value for name, value in body.items() if name != "status"})
        metadata = _metadata(merged)
        if merged.get("spec") != old.get("spec"):
            metadata["generation"] = _generation(old) + 1
        merged["metadata"] = metadata
        key = (ref.kind, ref.namespace, ref.name)
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            self._remove(key)
            return merged
        return self._store(key, merged)

    async def put_status(self, ref: Ref, body: Body) -> Body:
        """Replace the status."""
        self.writes.append(("update", f"{ref.kind.plural}/status"))
        old = self._unchanged(ref, body)
        new = _copied({**old, "status": body.get("status")})
        return self._store((ref.kind, ref.namespace, ref.name), new)

    async def delete(self, ref: Ref, uid: str) -> None:
        """Delete this very object, or mark it while it has finalizers."""
        self.writes.append(("delete", ref.kind.plural))
        key = (ref.kind, ref.namespace, ref.name)
        body = self._objects.get(key)
        if body is None or _metadata(body).get("uid") != uid:
            return
        if _metadata(body).get("finalizers"):
            marked = _copied(body)
            stamp = self._clock.now().isoformat()
            marked["metadata"] = {**_metadata(marked), "deletionTimestamp": stamp}
            self._store(key, marked)
        else:
            self._remove(key)

    def _found(self, ref: Ref) -> Body:
        body = self._objects.get((ref.kind, ref.namespace, ref.name))
        if body is None:
            message = f"{ref.kind.plural} {ref.name!r} not found"
            raise NotFoundError(message)
        return body

    def _unchanged(self, ref: Ref, body: Body) -> Body:
        old, metadata = self._found(ref), _metadata(body)
        for field in ("resourceVersion", "uid"):
            if field in metadata and metadata[field] != _metadata(old)[field]:
                message = f"{ref.kind.plural} {ref.name!r} has been modified"
                raise ConflictError(message)
        return old

    def _store(self, key: _Name, body: Body) -> Body:
        if self._objects.get(key) == body:
            return _copied(body)
        self._version += 1
        body["metadata"] = {**_metadata(body), "resourceVersion": str(self._version)}
        self._objects[key] = body
        self._tell(key[0], "seen", body)
        return _copied(body)

    def _remove(self, key: _Name) -> None:
        body = self._objects.pop(key)
        self._tell(key[0], "lost", body)
        owned = [other for other, one in self._objects.items() if _owns(body, one)]
        for other in owned:
            self._remove(other)

    def _tell(self, kind: Kind, change: Change, body: Body) -> None:
        for watcher in self._watchers:
            watcher(kind, change, _copied(body))


def _copied(body: Mapping[str, JsonValue]) -> Body:
    """Return a copy that shares nothing. What is JSON needs none of what makes `copy.deepcopy` slow."""
    return {name: _copied_value(value) for name, value in body.items()}


def _copied_value(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return _copied(value)
    return [_copied_value(one) for one in value] if isinstance(value, list) else value


def _metadata(body: Body) -> Body:
    metadata = body.get("metadata")
    return dict(metadata) if isinstance(metadata, dict) else {}


def _generation(body: Body) -> int:
    generation = _metadata(body).get("generation")
    return generation if isinstance(generation, int) else 1


def _matches(body: Body, labels: Mapping[str, str]) -> bool:
    """An empty value asks only whether the label is there."""
    own = _metadata(body).get("labels")
    have = own if isinstance(own, dict) else {}
    return all(name in have and (not value or value == have[name]) for name, value in labels.items())


def _owns(owner: Body, body: Body) -> bool:
    references = _metadata(body).get("ownerReferences")
    uid = _metadata(owner).get("uid")
    if not isinstance(references, list):
        return False
    return any(isinstance(one, dict) and one.get("uid") == uid for one in references)


def _merged(old: Body, patch: Mapping[str, JsonValue]) -> Body:
    """A JSON merge patch (RFC 7396)."""
    new = _copied(old)
    for name, value in patch.items():
        before = new.get(name)
        if value is None:
            new.pop(name, None)
        elif isinstance(value, dict):
            new[name] = _merged(before if isinstance(before, dict) else {}, value)
        else:
            new[name] = value
    return new
