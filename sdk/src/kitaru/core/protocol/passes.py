"""One pass of an operator: what follows from what it saw (rules 12 to 25). The first rule that matches wins.

A pass reads in this order: the resource, the claim of `status.attempt`, the pods (live, before an
attempt is started), the log, the decisions of the open waits. What counts is claim before pod
before log before decisions (rule 12): each is evidence about what was read before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from kitaru.core.head import Head, OpenWait, State
from kitaru.core.journal import Abort, Answer, Expiry
from kitaru.core.phases import Phase
from kitaru.core.protocol import budget

#: Between the deadline and its expiry. It must cover the difference of the clocks, and that a
#: request's time of creation has whole seconds (rule 28b).
MARGIN: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Pod:
    """An attempt's pod object. `alive` as in rule 13.

    `spared` says that its own time to exit after its last record is not over yet: rule 16 leaves
    it alone for now.
    """

    number: int
    alive: bool
    spared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one pass saw, each field read after the ones before it, `refused` and `now` apart.

    `attempt`, `retry` and `cancel` are the resource's `status.attempt`, `spec.retry` and
    `spec.cancel`; `claimed` says whether `epoch/<attempt>` exists; `pods` are all pod objects of the
    execution; `decisions` what `answers/` holds for the open waits of `head`, by wait id. `refused`
    says that the next attempt cannot start (no such flow, no image), its time for that being over.
    """

    attempt: int
    retry: int = 0
    cancel: bool = False
    claimed: bool = False
    pods: tuple[Pod, ...] = ()
    head: Head
    decisions: Mapping[str, Answer | Abort | Expiry] = field(default_factory=dict[str, Answer | Abort | Expiry])
    refused: bool = False
    now: datetime


class Why(StrEnum):
    """Why an attempt is started."""

    START = "the execution starts"
    ANSWER = "an open wait was answered"
    RETRY = "a retry was granted"
    RECOVERY = "the attempt before was lost"


class Kind(StrEnum):
    """Which record ends the execution."""

    CANCEL = "cancelled"
    REFUSED = "failed: it cannot start"
    LOST = "failed: too many attempts in a row were lost"


@dataclass(frozen=True, slots=True)
class Raise:
    """Compare-and-swap `status.attempt` to `number`, `after` seconds from when this was first seen.

    Nothing else in this pass; the next one makes the pod.
    """

    number: int
    why: Why
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class CreatePod:
    """Create the pod of this number; 409 is success. `allowance` goes into its environment."""

    number: int
    allowance: int


@dataclass(frozen=True, slots=True)
class End:
    """End the execution under this number, in one go (`ender`).

    Compare-and-swap `status.attempt` to it, claim, append. For a deleted resource there is nothing
    to swap, and a number that is taken means the next one (rule 18b).
    """

    number: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class ListRequests:
    """LIST the requests live, then `verdicts.expire` (rule 28b)."""

    wait: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing to start and nothing to end."""


Step: TypeAlias = Raise | CreatePod | End | ListRequests | Nothing


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pass does: delete pods, then `step`, then report `phase` (rule 24: the status patch is last)."""

    delete: tuple[int, ...]
    step: Step
    phase: Phase


def decide(view: View) -> Plan:
    """Return what this pass does."""
    return Plan(delete=_unwanted(view), step=_step(view), phase=_phase(view))


def decide_deleted(head: Head, attempt: int) -> End | Nothing:
    """Return how to end the journal of a deleted resource (rule 18b).

    `attempt` is `status.attempt` as last seen, 0 if unknown; it may be old, the claim decides.
    """
    if head.final or head.state is State.FAILED:
        return Nothing()
    return End(_next(head, attempt), Kind.CANCEL)


def over(view: View) -> bool:
    """Return whether nothing will happen any more by itself (rule 15)."""
    if view.head.state is State.FAILED:
        return view.head.failures > view.retry or cancel_asked(view)
    return view.head.final


def cancel_asked(view: View) -> bool:
    """Return whether the execution is to be cancelled: by its spec, or by an abort of an open wait."""
    return view.cancel or any(isinstance(view.decisions.get(wait.id), Abort) for wait in view.head.waits)


def _next(head: Head, attempt: int) -> int:
    """Rule 23. Looking at the log too keeps a restored etcd from burning numbers one by one."""
    return max(attempt, head.epoch) + 1


def _ended(view: View) -> bool:
    """Rule 13: the attempt's own end record ended it, whatever its pod looks like."""
    return view.head.end == view.attempt and view.head.state is not State.RUNNING


def _answered(view: View) -> bool:
    return any(wait.id in view.decisions for wait in view.head.waits)


def _due(view: View) -> OpenWait | None:
    """Rule 18c: an open wait without a decision, its deadline and the margin over."""
    for wait in view.head.waits:
        if wait.id in view.decisions or wait.deadline is None:
            continue
        if view.now >= wait.deadline + MARGIN:
            return wait
    return None


def _unwanted(view: View) -> tuple[int, ...]:
    """Rule 16: by level, each pass, and never a pod newer than the attempt that was read.

    Otherwise an old look would delete a healthy pod that another operator has started since.
    """
    if view.head.final:
        return tuple(pod.number for pod in view.pods if pod.alive and not pod.spared)
    finished = over(view) or _ended(view)
    return tuple(
        pod.number
        for pod in view.pods
        if pod.alive and not pod.spared and (pod.number < view.attempt or (finished and pod.number == view.attempt))
    )


def _step(view: View) -> Step:
    if over(view):  # rule 17
        return Nothing()
    if cancel_asked(view):  # rule 18
        return End(_next(view.head, view.attempt), Kind.CANCEL)
    if (wait := _due(view)) is not None:  # rule 18c
        return ListRequests(wait.id)
    if view.head.state is State.PARKED and not _answered(view):  # rule 19
        return Nothing()
    if view.refused:  # rule 25
        return End(_next(view.head, view.attempt), Kind.REFUSED)
    return _attempt(view)


def _attempt(view: View) -> Step:
    """Rules 20 to 22, and the budget of rule 25: an attempt has to be at work."""
    mine = [pod for pod in view.pods if pod.number == view.attempt]
    if any(pod.alive for pod in mine) and not _ended(view):  # rule 20
        return Nothing()
    if view.attempt >= 1 and not mine and not view.claimed:  # rule 21
        return CreatePod(view.attempt, view.retry)
    lost = budget.lost(view.attempt, view.head)
    number = _next(view.head, view.attempt)
    if budget.spent(lost):  # rule 25
        return End(number, Kind.LOST)
    return Raise(number, _why(view), budget.delay(lost))  # rule 22


def _why(view: View) -> Why:
    match view.head.state:
        case State.PARKED:
            return Why.ANSWER
        case State.FAILED:
            return Why.RETRY
        case _:
            return Why.RECOVERY if view.attempt else Why.START


def _phase(view: View) -> Phase:
    """Rule 24: from the log, and the pod where it says running; never from the phase before."""
    match view.head.state:
        case State.COMPLETED:
            return Phase.COMPLETED
        case State.CANCELLED:
            return Phase.CANCELLED
        case State.FAILED:
            return Phase.FAILED if over(view) else Phase.PENDING
        case State.PARKED:
            return Phase.PENDING if _answered(view) else Phase.WAITING
        case State.RUNNING:
            return _running(view)


def _running(view: View) -> Phase:
    """An IDLE says that only an answer moves the body (rule 11); else an attempt runs from its fence to its pod's end.

    No log says that its writer died: without the pod, an execution that waits for its next attempt would read as one
    at work.
    """
    if view.head.idle:
        return Phase.WAITING
    fenced = view.head.epoch > 0 and view.head.epoch >= view.attempt
    alive = any(pod.alive and pod.number == view.attempt for pod in view.pods)
    return Phase.RUNNING if fenced and alive else Phase.PENDING
