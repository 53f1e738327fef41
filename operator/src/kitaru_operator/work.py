"""One pass over one key: look, decide, do. The queue makes it, one a key at a time."""

from __future__ import annotations

from typing import Final

from kitaru.core.resources.execution import DeletionPolicy, KitaruExecution
from kitaru.errors import KitaruBackendError
from kitaru_operator import apply as applying
from kitaru_operator import cache, deletion, flows, judging, nodes, outages, requests, settled, told
from kitaru_operator import observe as observing
from kitaru_operator.apply import Act
from kitaru_operator.cache import Name
from kitaru_operator.cluster import ANSWERS, EXECUTIONS, ClusterError, ConflictError, NotFoundError, Ref
from kitaru_operator.policies import deleting
from kitaru_operator.reconcile import reconcile
from kitaru_operator.world import Key, Memory, World

#: Seconds between two looks at the log of a runner that boots: its fence makes the phase Running.
BOOT_LOOK: Final = 0.5
#: Seconds between two looks at a running log: doubled while nothing is new.
FIRST_LOOK: Final = 2.0
LAST_LOOK: Final = 30.0
#: From this long between looks on, a look asks for the pod's node too.
_NODE_LOOK: Final = 8.0
#: A conflict says that the watch is about to bring something.
_SOON: Final = 0.05
#: Seconds until the probe is asked for again; what it finds touches every key by itself.
_UNPROBED: Final = 0.5
_HANGING: Final = 30.0


async def work(world: World, key: Key) -> float | None:
    """Make the pass; return in how many seconds to look at the key again, if at all."""
    if key.kind == "flow":
        world.touched.discard(key)
        await flows.work(world, key)
        return None
    name = (key.namespace, key.name)
    execution = world.cache.execution(name)
    if execution is not None and await _announced(world, execution):
        return _SOON
    if world.store.ready is None:
        # More that is said of an execution now would be said anew once the store has been probed.
        return _HANGING if world.store.message else _UNPROBED
    await _end_deleted(world, key, name)
    execution = world.cache.execution(name)
    if execution is None:
        world.touched.discard(key)
        return await _homeless(world, name)
    memory = world.memory(key)
    if _is_settled(world, execution, name):
        world.touched.discard(key)
        memory.head = None
        if settled.moved(execution):
            return await _follow(world, execution)
        return await _remove_answers(world, name)
    if key not in world.touched and not await _grew(world, execution, memory):
        return _soonest(world, memory)
    world.touched.discard(key)
    return await _look(world, execution, memory)


async def _announced(world: World, execution: KitaruExecution) -> bool:
    """Say on a new execution that the store is in its way, before a request to it can hang."""
    store = world.outage if world.store.ready else world.store
    if execution.status.phase is not None or store is None or not store.message:
        return False
    if execution.metadata.deletion_timestamp is not None:
        return False
    try:
        await outages.announce(world, execution, store)
    except ConflictError:
        await _refresh(world, execution)
    return True


async def _look(world: World, execution: KitaruExecution, memory: Memory) -> float | None:
    """Make a whole pass, and say on the execution when the store is in its way."""
    memory.due = world.clock.now()
    try:
        again = await _pass(world, execution, memory)
    except ConflictError:
        await _refresh(world, execution)
        return _SOON
    except ClusterError:
        raise
    except KitaruBackendError as error:
        await outages.failed(world, execution, memory, error)
        raise
    memory.failures = 0
    world.outage = None
    return again


async def _follow(world: World, execution: KitaruExecution) -> float:
    """Take a change of the spec in that came after the end: what becomes of the data, and the generation."""
    try:
        await settled.follow(world, execution)
    except ConflictError:
        await _refresh(world, execution)
    return _SOON


async def _pass(world: World, execution: KitaruExecution, memory: Memory) -> float | None:
    known = memory.head
    observed = await observing.observe(execution, world, memory)
    now = world.clock.now()
    plan = reconcile(execution, observed, now, world.settings)
    act = Act(world=world, memory=memory, observed=observed, execution=execution, now=now)
    memory.due = await applying.apply(act, plan)
    memory.settled = act.execution.metadata.resource_version if memory.due is None else None
    if not plan.at_work:
        memory.poll = 0.0
        if memory.due is None:
            memory.head = None
    elif plan.boots:
        memory.poll = BOOT_LOOK
    elif known is None or known.next != observed.head.next or memory.poll < FIRST_LOOK:
        memory.poll = FIRST_LOOK
    return _soonest(world, memory)


def _soonest(world: World, memory: Memory) -> float | None:
    """Return when to come again: for the next look at the log, or for what is due."""
    waits = [memory.poll] if memory.poll else []
    if memory.turn is not None:
        waits = [max(0.0, memory.turn - world.clock.monotonic())]
    if memory.due is not None:
        waits.append(max(0.0, (memory.due - world.clock.now()).total_seconds()))
    return min(waits, default=None)


def _longer(poll: float) -> float:
    """Return the time to the look after one that found nothing new: a runner that boots is not let wait."""
    return poll if poll < FIRST_LOOK else min(LAST_LOOK, poll * 2)


async def _grew(world: World, execution: KitaruExecution, memory: Memory) -> bool:
    """Look at the next slot of a log that is being written: one read, if nothing else is due."""
    if memory.head is None or not memory.poll:
        return True
    if memory.due is not None and world.clock.now() >= memory.due:
        return True
    if not _is_its_turn(world, memory):
        return False
    metadata = execution.metadata
    paths = world.journals.paths(metadata.namespace, metadata.uid)
    head = await world.journals.head(paths, memory.head)
    if head.next != memory.head.next:
        return True
    if memory.poll >= _NODE_LOOK and await _lost(world, execution):
        return True
    memory.poll = _longer(memory.poll)
    return False


def _is_its_turn(world: World, memory: Memory) -> bool:
    """Whether the bucket has a read for it: those that ask while it is empty come in the order in which they asked."""
    now = world.clock.monotonic()
    if memory.turn is None:
        memory.turn = now + world.budgets.reads.reserve(now)
    if memory.turn > now:
        return False
    memory.turn = None
    return True


async def _lost(world: World, execution: KitaruExecution) -> bool:
    pods = world.cache.pods((execution.metadata.namespace, execution.metadata.name))
    names = frozenset(pod.node for pod in pods if pod.node)
    return bool(await nodes.lost(world.cluster, names))


def _is_settled(world: World, execution: KitaruExecution, name: Name) -> bool:
    """Whether the resource says an end that cannot turn, and nothing of the execution is left."""
    pending = any(not requests.is_decided(one) for one in world.cache.answers(name))
    return cache.is_over(execution) and not pending and not world.cache.pods(name)


async def _remove_answers(world: World, name: Name) -> float | None:
    decided = tuple(one for one in world.cache.answers(name) if requests.is_decided(one))
    now = world.clock.now()
    for gone in requests.removals(decided, now):
        await world.cluster.delete(Ref(ANSWERS, name[0], gone.name), gone.uid)
    due = requests.next_removal(decided)
    return None if due is None or due <= now else (due - now).total_seconds()


async def _refresh(world: World, execution: KitaruExecution) -> None:
    """Read what somebody else wrote, instead of waiting for the watch to bring it."""
    metadata = execution.metadata
    try:
        body = await world.cluster.get(Ref(EXECUTIONS, metadata.namespace, metadata.name))
    except NotFoundError:
        world.cache.lose_execution((metadata.namespace, metadata.name))
    else:
        world.cache.see_execution(body)


async def _end_deleted(world: World, key: Key, name: Name) -> None:
    """End the journal of a resource that is gone (rule 18b). Nothing depends on it."""
    gone = world.cache.gone(name)
    if gone is None:
        return
    world.cache.forget(name)
    world.memories.pop(key, None)
    if gone.execution.spec.deletion_policy is DeletionPolicy.PURGE:
        # Its journal is gone with its data: an end would be all that is left there.
        return
    metadata = gone.execution.metadata
    paths = world.journals.paths(metadata.namespace, metadata.uid)
    head = await world.journals.head(paths, None)
    step = deleting.ended(gone.execution, head, world.clock.now())
    if step is not None:
        await deletion.end(world, paths, head, step)


async def _homeless(world: World, name: Name) -> float | None:
    """Answers for an execution that the cache does not know: ask live before saying so."""
    pending = [one for one in world.cache.answers(name) if not requests.is_decided(one)]
    if not pending:
        return await _remove_answers(world, name)
    try:
        world.cache.see_execution(await world.cluster.get(Ref(EXECUTIONS, *name)))
    except NotFoundError:
        for answer in pending:
            await judging.tell(world, answer, told.homeless(answer, world.clock.now()))
        return None
    return _SOON
