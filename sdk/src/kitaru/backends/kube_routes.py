"""Which version of a flow an invocation asks for, as far as the flow's status tells. Pure."""

from __future__ import annotations

from kitaru.core import schemas
from kitaru.core.resources.flow import DEFAULT_TAG, VERSIONS_LISTED, KitaruFlow
from kitaru.errors import KitaruUsageError
from kitaru.ports import Start


def check(flow: KitaruFlow, start: Start) -> None:
    """Raise `LookupError` for a version or tag that the flow has not, before anything is started.

    Inputs that do not fit the newest version's signature, if that is the one that is meant, are a `KitaruUsageError`;
    older signatures are in ControllerRevisions, which callers need not be allowed to read. What the operator has not
    looked at yet is left to it, and so is an old version that the status lists no more.
    """
    if start.version is not None and start.tag is not None:
        message = f"flow {start.flow!r} was invoked with version and tag: give one of them."
        raise KitaruUsageError(message)
    status = flow.status
    if (status.observed_generation or 0) < flow.metadata.generation:
        return
    listed = [one.version for one in status.versions]
    if start.version is not None and start.version not in listed and _complete(flow, start.version):
        message = f"flow {start.flow!r} has no version {start.version}: it has {_names(listed)}."
        raise LookupError(message)
    if start.tag not in {None, DEFAULT_TAG, *status.tags}:
        message = f"flow {start.flow!r} has no tag {start.tag!r}: it has {_names([DEFAULT_TAG, *status.tags])}."
        raise LookupError(message)
    _check_inputs(flow, start)


def _check_inputs(flow: KitaruFlow, start: Start) -> None:
    status, signature = flow.status, flow.spec.signature()
    meant = start.version or status.tags.get(start.tag or DEFAULT_TAG, status.latest_version)
    if signature is None or meant != status.latest_version:
        return
    problem = schemas.input_problem(signature, {**flow.spec.inputs, **start.inputs})
    if problem is not None:
        message = f"The inputs do not fit version {meant} of flow {start.flow!r}: {problem}"
        raise KitaruUsageError(message)


def _complete(flow: KitaruFlow, version: int) -> bool:
    """Whether the status would list this version if it existed."""
    listed = flow.status.versions
    return len(listed) < VERSIONS_LISTED or version > listed[-1].version


def _names(known: list[int] | list[str]) -> str:
    return ", ".join(sorted({str(one) for one in known})) or "none"
