"""One look at an execution, in the order of rule 12: claim, pods, log, decisions. The resource was read before."""

from __future__ import annotations

from datetime import datetime

from kitaru.core import names
from kitaru.core.head import Head, State
from kitaru.core.journal import Abort, Answer, Expiry
from kitaru.core.paths import ExecutionPaths
from kitaru.core.resources.answer import KitaruAnswer
from kitaru.core.resources.execution import KitaruExecution
from kitaru_operator import nodes, pods, referred, requests, templates
from kitaru_operator.cluster import PODS, NotFoundError, Ref
from kitaru_operator.observed import Observed
from kitaru_operator.pods import RunnerPod
from kitaru_operator.world import Memory, World


async def observe(execution: KitaruExecution, world: World, memory: Memory) -> Observed:
    """Return what is true of the execution. Raises a `KitaruBackendError` when a part cannot be seen."""
    metadata, attempt = execution.metadata, execution.status.attempt
    name = (metadata.namespace, metadata.name)
    paths = world.journals.paths(metadata.namespace, metadata.uid)
    claimed = attempt > 0 and await world.journals.claimed(paths, attempt)
    seen = await _pods(execution, world)
    lost = await nodes.lost(world.cluster, frozenset(pod.node for pod in seen if pod.node))
    head = await world.journals.head(paths, memory.head)
    memory.head = head
    decisions = await _decisions(world, paths, head)
    now = world.clock.now()
    _remember(memory, execution, seen, head, now)
    answers = world.cache.answers(name)
    requested, unread = await _requests(world, answers, head)
    podless = attempt > 0 and not claimed and all(pod.number != attempt for pod in seen)
    return Observed(
        claimed=claimed,
        head=head,
        store=world.store,
        pods=seen,
        lost_nodes=lost,
        decisions=decisions,
        requests=requested,
        decided=tuple(one for one in answers if requests.is_decided(one)),
        unread=unread,
        template=await templates.template(execution, head, world, podless=podless),
        over_since=None if memory.over is None else memory.over[1],
        lost_since=None if memory.lost is None else memory.lost[1],
        uri=world.journals.uri(paths),
        credentials=world.settings.credentials,
    )


async def _pods(execution: KitaruExecution, world: World) -> tuple[RunnerPod, ...]:
    """The attempt's own pod live, by its name; the others as the watch has brought them, to be deleted by uid."""
    metadata = execution.metadata
    known = world.cache.pods((metadata.namespace, metadata.name))
    mine = names.pod_name(metadata.name, metadata.uid, execution.status.attempt)
    others = [pod for pod in known if pod.name != mine and pod.owner_uid == metadata.uid]
    if not execution.status.attempt:
        return tuple(others)
    try:
        live = pods.read(await world.cluster.get(Ref(PODS, metadata.namespace, mine)))
    except NotFoundError:
        live = None
    return tuple(others) if live is None else (*others, live)


async def _requests(
    world: World, answers: tuple[KitaruAnswer, ...], head: Head
) -> tuple[tuple[KitaruAnswer, ...], dict[str, str]]:
    """Return the answers without a verdict, with their values where they are about to be judged."""
    found: list[KitaruAnswer] = []
    unread: dict[str, str] = {}
    for one in answers:
        if requests.is_decided(one):
            continue
        if not head.is_open(one.spec.wait):
            found.append(one)
            continue
        try:
            found.append(await referred.answer(world.journals, one))
        except referred.UnreadableError as error:
            found.append(one)
            unread[one.metadata.uid] = str(error)
    return tuple(found), unread


async def _decisions(world: World, paths: ExecutionPaths, head: Head) -> dict[str, Answer | Abort | Expiry]:
    found: dict[str, Answer | Abort | Expiry] = {}
    if head.final:
        return found
    for wait in head.waits:
        decision = await world.journals.decision(paths, wait.id)
        if decision is not None:
            found[wait.id] = decision
    return found


def _remember(
    memory: Memory,
    execution: KitaruExecution,
    seen: tuple[RunnerPod, ...],
    head: Head,
    now: datetime,
) -> None:
    """Note when an end and a loss were first seen, so that what waits for them waits from then."""
    attempt = execution.status.attempt
    ended = head.state is not State.RUNNING
    memory.over = _since(memory.over, head.end, now) if ended else None
    gone = attempt > 0 and not any(pod.number == attempt and pod.alive(now, frozenset()) for pod in seen)
    memory.lost = _since(memory.lost, attempt, now) if gone else None


def _since(known: tuple[int, datetime] | None, number: int, now: datetime) -> tuple[int, datetime]:
    return known if known is not None and known[0] == number else (number, now)
