"""Does what a plan says, in its order, and writes one status, last (rule 24)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from kitaru.core import spec as specs
from kitaru.core.paths import ExecutionPaths
from kitaru.core.protocol.ender import Ending
from kitaru.core.resources import model
from kitaru.core.resources.conditions import Reason
from kitaru.core.resources.execution import ExecutionStatus, KitaruExecution
from kitaru.core.resources.model import EXECUTION_ID
from kitaru.errors import KitaruStateError
from kitaru_operator import cache, deletion, diary, events, judging, pods, summaries
from kitaru_operator.cluster import (
    ANSWERS,
    EXECUTIONS,
    PODS,
    AlreadyExistsError,
    Body,
    DeniedError,
    InvalidError,
    NotFoundError,
    Ref,
)
from kitaru_operator.observed import Observed
from kitaru_operator.plan import (
    EndDeleted,
    EndJournal,
    ExpireWait,
    Freeze,
    MakePod,
    Mark,
    Plan,
    Purge,
)
from kitaru_operator.world import Memory, World

#: How often the counters of one execution are written.
PROGRESS: Final = timedelta(seconds=30)
_REFUSED_AGAIN: Final = timedelta(seconds=5)


@dataclass(slots=True)
class Act:
    """One pass being done. `execution` is the newest that our own writes gave back."""

    world: World
    memory: Memory
    observed: Observed
    execution: KitaruExecution
    now: datetime

    @property
    def paths(self) -> ExecutionPaths:
        """Where the execution's data lies."""
        metadata = self.execution.metadata
        return self.world.journals.paths(metadata.namespace, metadata.uid)


async def apply(act: Act, plan: Plan) -> datetime | None:
    """Do it, and return when to look again. Raises `ConflictError` when somebody was faster: look again."""
    namespace = act.execution.metadata.namespace
    for pod in plan.deletes:
        await act.world.cluster.delete(Ref(PODS, namespace, pod.name), pod.uid)
    stored = False
    for verdict in plan.verdicts:
        stored |= await judging.judge(act.world, act.paths, verdict, act.observed.head)
    for answer in plan.removals:
        await act.world.cluster.delete(Ref(ANSWERS, namespace, answer.name), answer.uid)
    if plan.mark is not None:
        await _mark(act, plan.mark)
    again = await _step(act, plan)
    return act.now if stored else again


async def _step(act: Act, plan: Plan) -> datetime | None:
    match plan.step:
        case None:
            return await _report(act, plan, plan.status)
        case Freeze(spec):
            stored = await act.world.journals.freeze(act.paths, specs.encode(spec))
            return await _report(act, plan, _frozen(stored, spec, plan.status or act.execution.status))
        case MakePod():
            return await _make_pod(act, plan, plan.step)
        case _:
            return await _finally(act, plan, plan.step)


async def _finally(act: Act, plan: Plan, step: EndJournal | EndDeleted | ExpireWait | Mark | Purge) -> datetime | None:
    """The steps after which this pass has nothing to report: the next one looks at what they did."""
    match step:
        case EndJournal():
            await _end(act, step, plan.status or act.execution.status)
        case ExpireWait(wait):
            await judging.expire(act.world, act.execution, act.observed.head, wait)
        case EndDeleted():
            await deletion.end(act.world, act.paths, act.observed.head, step)
        case Mark():
            await _mark(act, step)
            return None
        case Purge(hurry):
            await deletion.purge(act.world, act.execution, act.paths, hurry=hurry)
            return None
        case _:
            assert_never(step)
    return act.now


async def _report(act: Act, plan: Plan, status: ExecutionStatus | None) -> datetime | None:
    """Write the status, counters within their budget; then tell people."""
    if status is None:
        return plan.again
    if not plan.urgent and (wait := _budget(act)) is not None:
        return wait if plan.again is None else min(wait, plan.again)
    await _put(act, status)
    act.memory.progress = None
    for notice in plan.notices:
        await events.emit(act.world, act.execution, notice)
    return plan.again


def _budget(act: Act) -> datetime | None:
    """Return None if counters may be written now, else when: each execution in turn, the first that asked first."""
    if act.memory.progress is None:
        delay = act.world.budgets.progress.reserve(act.world.clock.monotonic())
        act.memory.progress = act.now + max(PROGRESS, timedelta(seconds=delay))
    return None if act.now >= act.memory.progress else act.memory.progress


async def _put(act: Act, status: ExecutionStatus) -> None:
    act.execution = await put(act.world, act.execution, status)


async def put(world: World, execution: KitaruExecution, status: ExecutionStatus) -> KitaruExecution:
    """Write the status if the execution is still the one that was read, and return the new one."""
    metadata = execution.metadata
    body: Body = {
        "apiVersion": model.API_VERSION,
        "kind": execution.kind,
        "metadata": {
            "name": metadata.name,
            "namespace": metadata.namespace,
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
        },
        "status": model.write(status),
    }
    ref = Ref(EXECUTIONS, metadata.namespace, metadata.name)
    written = await world.cluster.put_status(ref, body)
    diary.reported(execution, status)
    return _taken(world, written)


def _taken(world: World, body: Body) -> KitaruExecution:
    world.cache.see_execution(body)
    return cache.slim(body)


async def _mark(act: Act, wanted: Mark) -> None:
    """Compare-and-swap too: what was read before the log is still what it was, so rule 24 holds afterwards."""
    act.execution = await mark(act.world, act.execution, wanted)


async def mark(world: World, execution: KitaruExecution, wanted: Mark) -> KitaruExecution:
    """Write id and finalizers if the execution is still the one that was read, and return the new one."""
    metadata = execution.metadata
    body: Body = {
        "metadata": {
            "resourceVersion": metadata.resource_version,
            "annotations": {EXECUTION_ID: wanted.execution_id},
            "finalizers": list(wanted.finalizers),
        }
    }
    ref = Ref(EXECUTIONS, metadata.namespace, metadata.name)
    return _taken(world, await world.cluster.patch(ref, body))


def _frozen(stored: bytes, meant: specs.Spec, status: ExecutionStatus) -> ExecutionStatus:
    """Report what is stored: another operator may have frozen it first."""
    spec = specs.decode(stored)
    if (spec.namespace, spec.name, spec.uid) != (meant.namespace, meant.name, meant.uid):
        message = (
            f"The store holds a spec.json of {spec.namespace}/{spec.name} under the id of "
            f"{meant.namespace}/{meant.name}: remove what lies under executions/{meant.uid}."
        )
        raise KitaruStateError(message)
    update = {
        "version": spec.version,
        "image": spec.image,
        "spec_digest": specs.digest(stored),
    }
    return status.model_copy(update=update)


async def _make_pod(act: Act, plan: Plan, step: MakePod) -> datetime | None:
    if (wait := _permit(act)) is not None:
        return wait
    act.memory.permit = None
    namespace = act.execution.metadata.namespace
    try:
        await act.world.cluster.create(PODS, namespace, dict(step.manifest))
    except AlreadyExistsError:
        await _check_owner(act, step)
    except (DeniedError, InvalidError) as error:
        status = plan.status or act.execution.status
        refused = summaries.with_runner(status, Reason.POD_REFUSED, str(error), act.now)
        if summaries.differ(act.execution.status, refused):
            await _put(act, refused)
        return act.now + _REFUSED_AGAIN
    else:
        diary.attempt_started(act.execution, _name(step))
    return await _report(act, plan, plan.status)


def _permit(act: Act) -> datetime | None:
    """Return None if a pod may be made now, else when."""
    if act.memory.permit is None:
        delay = act.world.budgets.pods.reserve(act.world.clock.monotonic())
        act.memory.permit = act.now + timedelta(seconds=delay)
    return None if act.now >= act.memory.permit else act.memory.permit


def _name(step: MakePod) -> str:
    metadata = step.manifest.get("metadata")
    return str(metadata.get("name")) if isinstance(metadata, dict) else ""


async def _check_owner(act: Act, step: MakePod) -> None:
    """A pod of this name that is not ours would keep the attempt from ever starting: say so."""
    name = _name(step)
    namespace = act.execution.metadata.namespace
    try:
        pod = pods.read(await act.world.cluster.get(Ref(PODS, namespace, name)))
    except NotFoundError:
        return
    if pod is None or pod.owner_uid != act.execution.metadata.uid:
        message = f"Pod {name} in namespace {namespace} is not this execution's: delete it."
        raise KitaruStateError(message)


async def _end(act: Act, step: EndJournal, status: ExecutionStatus) -> None:
    """Raise, claim, append, without a pass between. A crash on the way costs a number, nothing else."""
    await _put(act, status.model_copy(update={"attempt": step.number}))
    ending = Ending(number=step.number, writer=act.world.ids.new(), record=step.record)
    await act.world.journals.end(act.paths, ending, act.observed.head)
