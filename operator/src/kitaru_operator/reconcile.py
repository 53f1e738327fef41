"""The whole decision: one execution, one look at the world, one moment; out comes what to do. Pure.

Pods to delete and verdicts on answers come with every plan; of the rest the first policy that answers wins.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from kitaru.core.protocol import passes
from kitaru.core.resources.conditions import Reason
from kitaru.core.resources.execution import DeletionPolicy, KitaruExecution
from kitaru.core.resources.model import EXECUTION_ID, FINALIZER
from kitaru_operator import notices, requests, summaries
from kitaru_operator.observed import Observed
from kitaru_operator.plan import DeletePod, Mark, Plan
from kitaru_operator.pods import RunnerPod
from kitaru_operator.policies import (
    cancelling,
    deleting,
    expiring,
    finished,
    parked,
    refusing,
    running,
    starting,
)
from kitaru_operator.policies.case import Answer, Case
from kitaru_operator.settings import Settings

#: How long a pod may take to exit by itself after its attempt's last record (rule 16).
EXIT: Final = timedelta(seconds=2)


def reconcile(execution: KitaruExecution, observed: Observed, now: datetime, settings: Settings) -> Plan:
    """Return what this pass does."""
    case = _case(execution, observed, now)
    answer = _answer(case, settings)
    if execution.metadata.deletion_timestamp is not None:
        return _leaving(case, answer)
    status = summaries.summary(case, answer)
    changed = summaries.differ(execution.status, status) and not answer.quiet
    return Plan(
        deletes=tuple(_deletes(case)),
        verdicts=requests.verdicts(observed, now),
        removals=requests.removals(observed.decided, now),
        mark=mark(execution, writes=changed),
        step=answer.step,
        status=status if changed else None,
        urgent=not summaries.counters_only(execution.status, status),
        notices=notices.notices(execution, status),
        at_work=case.worker is not None,
        boots=_boots(case),
        again=_again(case, answer),
    )


def _case(execution: KitaruExecution, observed: Observed, now: datetime) -> Case:
    refusal = refusing.refusal(execution, observed, now)
    view = passes.View(
        attempt=execution.status.attempt,
        retry=execution.spec.retry,
        cancel=execution.spec.cancel,
        claimed=observed.claimed,
        pods=tuple(_seen(pod, execution, observed, now) for pod in observed.pods),
        head=observed.head,
        decisions=observed.decisions,
        refused=refusal is not None,
        now=now,
    )
    return Case(
        execution=execution,
        observed=observed,
        now=now,
        view=view,
        decided=passes.decide(view),
        unwanted=_unwanted(view),
        refusal=refusal,
    )


def _seen(pod: RunnerPod, execution: KitaruExecution, observed: Observed, now: datetime) -> passes.Pod:
    began = observed.over_since or now
    own = pod.number == execution.status.attempt and not execution.spec.cancel
    return passes.Pod(
        number=pod.number,
        alive=pod.alive(now, observed.lost_nodes),
        spared=own and now < began + EXIT,
    )


def _unwanted(view: passes.View) -> frozenset[int]:
    """Ask rule 16 about every pod object: what a dead pod leaves is wanted as little as a live one."""
    pods = tuple(passes.Pod(number=pod.number, alive=True) for pod in view.pods)
    return frozenset(passes.decide(dataclasses.replace(view, pods=pods)).delete)


def _answer(case: Case, settings: Settings) -> Answer:
    return (
        deleting.answer(case)
        or finished.answer(case)
        or cancelling.answer(case)
        or expiring.answer(case)
        or refusing.answer(case)
        or parked.answer(case)
        or running.answer(case)
        or starting.answer(case, settings)
        or Answer(runner=Reason.NOT_STARTED)
    )


def _leaving(case: Case, answer: Answer) -> Plan:
    """A resource that is being deleted gets no status any more, and no pod (rule 18b)."""
    deletes = tuple(DeletePod(pod.name, pod.uid) for pod in case.observed.pods if pod.deleted_at is None)
    return Plan(deletes=deletes, step=answer.step, again=answer.again)


def _deletes(case: Case) -> Iterator[DeletePod]:
    """Live pods that are not wanted, and the objects that dead ones left."""
    for pod in case.observed.pods:
        left = pod.number in case.unwanted and not pod.alive(case.now, case.observed.lost_nodes)
        if pod.deleted_at is None and (left or pod.number in case.decided.delete):
            yield DeletePod(pod.name, pod.uid)


def mark(execution: KitaruExecution, *, writes: bool) -> Mark | None:
    """Return the id at the first write that there is; the finalizer as long as the data is to go with the resource."""
    metadata = execution.metadata
    purge = execution.spec.deletion_policy is DeletionPolicy.PURGE
    marked = EXECUTION_ID in metadata.annotations
    if purge is (FINALIZER in metadata.finalizers) and (marked or not writes):
        return None
    others = tuple(one for one in metadata.finalizers if one != FINALIZER)
    return Mark(metadata.uid, (*others, FINALIZER) if purge else others)


def _boots(case: Case) -> bool:
    """Whether the attempt's process has begun, and its fence, which makes the phase Running, is about to come."""
    worker = case.worker
    return worker is not None and worker.started and case.observed.head.epoch < case.execution.status.attempt


def _again(case: Case, answer: Answer) -> datetime | None:
    """Return the next moment at which something is due that no event will call for."""
    moments = [answer.again, requests.next_removal(case.observed.decided)]
    # What is over stores no expiry (rule 28b): a deadline that has passed would make a pass due for ever.
    waits = () if passes.over(case.view) else case.observed.head.waits
    moments += [
        wait.deadline + passes.MARGIN
        for wait in waits
        if wait.deadline is not None and wait.id not in case.observed.decisions
    ]
    if case.observed.over_since is not None and _is_exiting(case):
        moments.append(case.observed.over_since + EXIT)
    return min((moment for moment in moments if moment is not None), default=None)


def _is_exiting(case: Case) -> bool:
    """Whether a pod that is not wanted is given its time to exit by itself."""
    return any(
        pod.number in case.unwanted
        and pod.number not in case.decided.delete
        and pod.alive(case.now, case.observed.lost_nodes)
        for pod in case.observed.pods
    )
