"""One pass over a flow: record its newest change as a version, drop old versions, report."""

from __future__ import annotations

from kitaru.core.phases import Phase
from kitaru.core.resources import model
from kitaru.core.resources.flow import KitaruFlow
from kitaru.core.resources.model import FLOW_LABEL
from kitaru_operator import versions
from kitaru_operator.cluster import FLOWS, REVISIONS, Body, NotFoundError, Ref
from kitaru_operator.versions import FlowPlan, Revision
from kitaru_operator.world import Key, World


async def work(world: World, key: Key) -> None:
    """Do it. Raises `ConflictError` or `AlreadyExistsError` when another operator did: then the pass comes again."""
    ref = Ref(FLOWS, key.namespace, key.name)
    try:
        body = await world.cluster.get(ref)
    except NotFoundError:
        return
    flow = model.read(KitaruFlow, body)
    if flow.metadata.deletion_timestamp is not None:
        return
    revisions = await _revisions(world, flow)
    plan = versions.plan(body, revisions, _live(world, flow), world.clock.now())
    if plan.create is not None:
        await world.cluster.create(REVISIONS, key.namespace, plan.create)
    for one in plan.prune:
        await world.cluster.delete(Ref(REVISIONS, key.namespace, one.name), one.uid)
    if model.write(plan.status) != model.write(flow.status):
        await _report(world, ref, flow, plan)
    _wake(world, key)


async def _revisions(world: World, flow: KitaruFlow) -> list[Revision]:
    """Those of this very flow: one of an older flow of its name is about to be collected."""
    metadata = flow.metadata
    labels = {FLOW_LABEL: metadata.name}
    found = [versions.read(body) async for body in world.cluster.list(REVISIONS, metadata.namespace, labels)]
    return [one for one in found if one.owner_uid == metadata.uid]


def _live(world: World, flow: KitaruFlow) -> frozenset[int]:
    """Return the versions that an execution runs or is about to freeze."""
    return frozenset(
        number
        for one in world.cache.executions()
        if (one.namespace, one.flow) == (flow.metadata.namespace, flow.metadata.name)
        and one.phase not in {Phase.COMPLETED, Phase.CANCELLED}
        for number in one.versions
    )


async def _report(world: World, ref: Ref, flow: KitaruFlow, plan: FlowPlan) -> None:
    metadata = flow.metadata
    body: Body = {
        "apiVersion": model.API_VERSION,
        "kind": flow.kind,
        "metadata": {
            "name": metadata.name,
            "namespace": metadata.namespace,
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
        },
        "status": model.write(plan.status),
    }
    await world.cluster.put_status(ref, body)


def _wake(world: World, key: Key) -> None:
    """An execution that was applied together with the flow waits for the version."""
    for one in world.cache.executions():
        mine = (one.namespace, one.flow) == (key.namespace, key.name)
        if mine and not one.frozen and one.phase in {None, Phase.PENDING}:
            world.touch(Key("execution", key.namespace, one.name))
