"""What a policy looks at, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kitaru.core.protocol import passes
from kitaru.core.resources.conditions import Reason
from kitaru.core.resources.execution import KitaruExecution
from kitaru.errors import FailureOrigin
from kitaru_operator.observed import Observed
from kitaru_operator.plan import Step
from kitaru_operator.pods import RunnerPod


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the execution cannot start, for good."""

    reason: Reason
    message: str
    origin: FailureOrigin = FailureOrigin.RUNTIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One execution at one moment: what was seen, and what the protocol says about it.

    `unwanted` are the numbers of all pods, dead ones too, that rule 16 would delete if they were alive.
    """

    execution: KitaruExecution
    observed: Observed
    now: datetime
    view: passes.View
    decided: passes.Plan
    unwanted: frozenset[int]
    refusal: Refusal | None = None

    @property
    def pod(self) -> RunnerPod | None:
        """The pod object of the attempt, alive or not."""
        attempt = self.execution.status.attempt
        return next((pod for pod in self.observed.pods if pod.number == attempt), None)

    @property
    def worker(self) -> RunnerPod | None:
        """The attempt's pod if its process may be at work and its attempt is not over (rules 13 and 20)."""
        pod = alive(self.execution, self.observed, self.now)
        return None if pod is None or pod.number in self.unwanted else pod


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a policy wants: a step, or nothing but a report.

    `runner` is why there is or is no runner at work, `ready` whether there is; `attempt` is the number that
    `status.attempt` is raised to; `again` when to look next. `quiet` reports nothing: what is seen is about to
    change, and a status costs a write.
    """

    runner: Reason
    ready: bool = False
    message: str = ""
    step: Step | None = None
    attempt: int | None = None
    quiet: bool = False
    again: datetime | None = None


def alive(execution: KitaruExecution, observed: Observed, now: datetime) -> RunnerPod | None:
    """Return the attempt's pod if its process may be at work (rule 13)."""
    for pod in observed.pods:
        if pod.number == execution.status.attempt and pod.alive(now, observed.lost_nodes):
            return pod
    return None
