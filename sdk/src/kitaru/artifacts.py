"""`kitaru.save` and `kitaru.load`: values that a checkpoint keeps by name; `KitaruClient().artifacts` finds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Protocol, TypedDict, Unpack

from kitaru.core import keywords
from kitaru.core.tagged import UserValue
from kitaru.core.views import ArtifactRef, Execution
from kitaru.engine import keeping
from kitaru.engine.keeping import Kept
from kitaru.errors import KitaruUsageError

__all__ = ["KINDS", "ArtifactFilter", "ArtifactsClient", "SaveOptions", "load", "save"]

#: What an artifact can be.
KINDS: Final = ("prompt", "response", "context", "input", "output", "blob")


class SaveOptions(TypedDict, total=False):
    """How a value is saved: `type` is one of `KINDS` (default "output"), `tags` are free text."""

    type: str
    tags: Sequence[str] | None


def save(name: str, value: UserValue, **options: Unpack[SaveOptions]) -> None:
    """Keep a value under a name with the running call; in a checkpoint only.

    It is durable together with the call's result. Saving a name again replaces it.
    Raises `KitaruSerializationError` for a value that cannot be kept.
    """
    keywords.check_type("save", "name", name, (str,))
    keywords.check(f"save({name!r})", options, {"type": (str,), "tags": (list, tuple)})
    given = options.get("type", "output")
    kind = given.strip().lower()
    if kind not in KINDS:
        message = f"save({name!r}): type={given!r} is unknown: use one of {', '.join(KINDS)}."
        raise KitaruUsageError(message)
    keeping.save(Kept(name=name, kind=kind, tags=tuple(options.get("tags") or ())), value)


def load(exec_id: str, name: str) -> UserValue:
    """Return what an execution of this stack saved under a name; in a checkpoint only.

    `name` may also be a checkpoint's name or a call's id: then its result is meant.
    Raises `KitaruRuntimeError` when nothing, or more than one thing, is called so.
    """
    return keeping.load(exec_id, name)


class ArtifactFilter(TypedDict, total=False):
    """Which artifacts are meant: those of a name, of a kind, of a call (its id, or its checkpoint's name).

    `limit` is how many are wanted at most.
    """

    name: str | None
    kind: str | None
    producing_call: str | None
    limit: int | None


class _Executions(Protocol):
    def get(self, exec_id: str) -> Execution: ...


class ArtifactsClient:
    """`KitaruClient().artifacts`: what executions kept. Values are fetched when they are loaded."""

    def __init__(self, executions: _Executions) -> None:
        self._executions = executions

    def list(self, exec_id: str, **wanted: Unpack[ArtifactFilter]) -> list[ArtifactRef]:
        """Return the execution's artifacts, in the order in which they were made.

        Raises `LookupError` for an unknown execution, `KitaruUsageError` for a wrong filter.
        """
        allowed = {"name": (str,), "kind": (str,), "producing_call": (str,), "limit": (int,)}
        keywords.check("artifacts.list", wanted, allowed)
        limit = wanted.get("limit")
        if limit is not None and limit < 1:
            message = f"artifacts.list: limit={limit} must be at least 1."
            raise KitaruUsageError(message)
        return list(_found(self._executions.get(exec_id), wanted))[:limit]

    def get(self, artifact_id: str) -> ArtifactRef:
        """Return the artifact with this id. Raises `LookupError` when there is none."""
        exec_id = artifact_id.partition("/")[0]
        for one in self._executions.get(exec_id).artifacts:
            if one.artifact_id == artifact_id:
                return one
        message = f"Execution {exec_id!r} has no artifact {artifact_id!r}: see artifacts.list({exec_id!r})."
        raise LookupError(message)


def _found(execution: Execution, wanted: ArtifactFilter) -> Iterator[ArtifactRef]:
    name, kind, call = wanted.get("name"), wanted.get("kind"), wanted.get("producing_call")
    checkpoints = {one.call_id: one.name for one in execution.checkpoints}
    for one in execution.artifacts:
        producers = {one.producing_call, checkpoints.get(one.producing_call)}
        if name in {None, one.name} and kind in {None, one.kind} and (call is None or call in producers):
            yield one
