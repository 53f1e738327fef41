"""What an execution's pods are made of: its frozen spec.json, or what would be frozen now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from kitaru.core import plain
from kitaru.core import spec as specs
from kitaru.core.head import Head
from kitaru.core.resources import model
from kitaru.core.resources.conditions import Reason
from kitaru.core.resources.execution import KitaruExecution
from kitaru.core.resources.flow import FlowSpec, KitaruFlow
from kitaru.core.spec import Spec
from kitaru.errors import JournalFormatError
from kitaru_operator import referred, versions
from kitaru_operator.cluster import EXECUTIONS, FLOWS, REVISIONS, NotFoundError, Ref
from kitaru_operator.observed import Frozen, Resolved, Template, Unfrozen, Unresolved
from kitaru_operator.world import World

_GONE: Final = "spec.json is gone from the store: restore it from a backup of the bucket and raise spec.retry."


async def template(execution: KitaruExecution, head: Head, world: World, *, podless: bool) -> Template | None:
    """Return what a pod would be made of, None when this pass makes none.

    `podless` says that the attempt has neither claimed its number nor a pod: this pass may make it (rule 21).
    """
    if head.final:
        return None
    if execution.status.spec_digest is None:
        return await _resolve(execution, world)
    return await _stored(execution, world) if podless else None


async def _stored(execution: KitaruExecution, world: World) -> Frozen | Unfrozen:
    metadata = execution.metadata
    body = await world.journals.spec(world.journals.paths(metadata.namespace, metadata.uid))
    if body is None:
        return Unfrozen(_GONE)
    try:
        return Frozen(specs.decode(body), specs.digest(body))
    except JournalFormatError as error:
        return Unfrozen(str(error))


async def _resolve(execution: KitaruExecution, world: World) -> Template:
    """Ask for the flow and the version live: a cache may not know yet what was applied together with this."""
    namespace, name = execution.metadata.namespace, execution.spec.flow
    try:
        flow = model.read(KitaruFlow, await world.cluster.get(Ref(FLOWS, namespace, name)))
    except NotFoundError:
        message = f"there is no KitaruFlow {name!r} in namespace {namespace!r}: apply it, or correct spec.flow."
        return Unresolved(Reason.FLOW_NOT_FOUND, message)
    number = versions.choose(flow, execution.spec)
    if not isinstance(number, int):
        return number
    try:
        ref = Ref(REVISIONS, namespace, versions.revision_name(name, number))
        revision = versions.read(await world.cluster.get(ref))
        live = model.read(
            KitaruExecution,
            await world.cluster.get(Ref(EXECUTIONS, namespace, execution.metadata.name)),
        )
    except NotFoundError:
        return versions.unknown(flow, number)
    try:
        large = await _large(live, world)
    except referred.UnreadableError as error:
        return Unresolved(Reason.BLOB_NOT_FOUND, f"spec.inputsRef: {error}")
    return _resolved(live, revision.spec, number, large)


async def _large(execution: KitaruExecution, world: World) -> dict[str, JsonValue]:
    """Return the inputs that lie in the store."""
    ref = execution.spec.inputs_ref
    if ref is None:
        return {}
    found = await referred.value(world.journals, execution.metadata.namespace, ref)
    if not isinstance(found, dict):
        message = f"the blob {ref.sha256} is no JSON object: give the inputs by name."
        raise referred.UnreadableError(message)
    return found


def _resolved(execution: KitaruExecution, flow: FlowSpec, number: int, large: Mapping[str, JsonValue]) -> Resolved:
    metadata, own = execution.metadata, execution.spec.inputs
    frozen = Spec(
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        flow=execution.spec.flow,
        entrypoint=flow.entrypoint,
        created_at=versions.created_at(metadata),
        inputs={**flow.inputs, **large, **own},
        version=number,
        image=flow.image,
        retries=flow.retries,
        cache=flow.cache,
        timeout=None if flow.timeout_seconds is None else float(flow.timeout_seconds),
        runner=None if flow.runner is None else model.write(flow.runner),
    )
    signature = flow.signature()
    schema = None if signature is None else json.dumps(signature)
    return Resolved(spec=frozen, schema=schema, own=plain.size(own))
