"""Gives requests their verdicts: asks the store what the protocol says must be asked, tells the outcome once."""

from __future__ import annotations

from typing import assert_never

from kitaru.core.head import Head, OpenWait
from kitaru.core.journal import Expiry
from kitaru.core.paths import ExecutionPaths
from kitaru.core.protocol import verdicts
from kitaru.core.protocol.requests import PutDecision, ReadDecision
from kitaru.core.protocol.verdicts import Rejected, Request, StoreExpiry, Verdict
from kitaru.core.resources import model
from kitaru.core.resources.answer import AnswerPhase, AnswerStatus, KitaruAnswer
from kitaru.core.resources.execution import KitaruExecution
from kitaru_operator import diary, events, referred, requests, told
from kitaru_operator.cluster import ANSWERS, Body, ConflictError, NotFoundError, Ref
from kitaru_operator.plan import Judge, Notice, Refuse
from kitaru_operator.world import World


async def judge(world: World, paths: ExecutionPaths, what: Judge | Refuse, head: Head) -> bool:
    """Judge one request; return whether the store may hold something new of it (rule 29: then look again)."""
    now = world.clock.now()
    match what:
        case Refuse(answer, reason, message):
            await tell(world, answer, told.refused(answer, reason, message, now))
            return False
        case Judge(answer, request):
            verdict, put = await _verdict(world, paths, request, head)
            status = told.told(answer, request, verdict, head, now)
            news = model.write(status) != model.write(answer.status)
            await tell(world, answer, status)
            return put and news
        case _:
            assert_never(what)


async def _verdict(world: World, paths: ExecutionPaths, request: Request, head: Head) -> tuple[Verdict, bool]:
    step = verdicts.judge(request, head)
    match step:
        case Rejected():
            return step, False
        case ReadDecision(wait):
            held = await world.journals.decision(paths, wait)
            return verdicts.settle(request, head, held), False
        case PutDecision(wait, decision):
            held = await world.journals.decide(paths, wait, decision)
            return verdicts.settle(request, head, held), True
        case _:
            assert_never(step)


async def expire(world: World, execution: KitaruExecution, head: Head, wait: OpenWait) -> None:
    """LIST the requests live; one that was made in time goes first, else store the expiry (rule 28b)."""
    metadata = execution.metadata
    now = world.clock.now()
    answers: dict[str, KitaruAnswer] = {}
    pending: list[Request] = []
    async for body in world.cluster.list(ANSWERS, metadata.namespace):
        answer = model.read(KitaruAnswer, body)
        if answer.spec.execution == metadata.name and not requests.is_decided(answer):
            try:
                read = await referred.answer(world.journals, answer)
            except referred.UnreadableError:
                # What cannot be read cannot be in time: it is refused by name, before or after the expiry.
                continue
            answers[answer.metadata.uid] = read
            pending.append(requests.request(read, head, now))
    paths = world.journals.paths(metadata.namespace, metadata.uid)
    first = verdicts.expire(wait, pending)
    match first:
        case Request():
            await judge(world, paths, Judge(answers[first.decision.request], first), head)
        case StoreExpiry(due):
            await world.journals.decide(paths, due, Expiry(at=now))
        case _:
            assert_never(first)


async def tell(world: World, answer: KitaruAnswer, status: AnswerStatus) -> None:
    """Write the request's status by compare-and-swap; who lost the race need not say anything (rule 29)."""
    if model.write(status) == model.write(answer.status):
        return
    metadata = answer.metadata
    body: Body = {
        "apiVersion": model.API_VERSION,
        "kind": answer.kind,
        "metadata": {
            "name": metadata.name,
            "namespace": metadata.namespace,
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
        },
        "status": model.write(status),
    }
    ref = Ref(ANSWERS, metadata.namespace, metadata.name)
    try:
        written = await world.cluster.put_status(ref, body)
    except (ConflictError, NotFoundError):
        await _refresh(world, ref)
        return
    world.cache.see_answer(written)
    diary.judged(answer, status)
    if status.phase is AnswerPhase.REFUSED:
        notice = Notice("refused", "Warning", status.reason or "Refused", status.message or "")
        await events.emit(world, answer, notice)


async def _refresh(world: World, ref: Ref) -> None:
    """Read what somebody else wrote: until the watch brought it, each pass would judge the request once more."""
    try:
        world.cache.see_answer(await world.cluster.get(ref))
    except NotFoundError:
        world.cache.lose_answer((ref.namespace, ref.name))
