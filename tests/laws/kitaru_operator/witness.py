"""Sees every write of the operators at the moment at which it is made, and notes those that must not be.

What is right is judged from the log, the claims and the stored decisions as they were while the pass that writes was
looking: a pass may pause anywhere, so that what it writes may be old, but never older than its first read.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import JsonValue

from kitaru.backends.objects import Objects
from kitaru.core import head as heads
from kitaru.core import schemas
from kitaru.core.head import Head, OpenWait, State
from kitaru.core.journal import Abort, Answer, Expiry, Slot
from kitaru.core.paths import ExecutionPaths
from kitaru.core.phases import Phase
from kitaru.core.protocol import budget
from kitaru.core.protocol.requests import Found, ReadDecision, ReadSlot
from kitaru.core.protocol.writer import Identity
from kitaru.core.resources import model
from kitaru.core.resources.answer import AnswerPhase, KitaruAnswer
from kitaru.core.resources.conditions import Reason
from kitaru.core.resources.execution import KitaruExecution
from kitaru_operator.cluster import ANSWERS, EXECUTIONS, PODS, Body, Change, Kind
from tests.laws.kitaru_operator.processes import Process
from tests.unit.kitaru_operator.bench import Bench

_ALIVE = frozenset({"", "Pending", "Running"})


@dataclass(frozen=True, slots=True)
class Look:
    """What was true when a pass began, at which moment.

    Which attempt it was, how many slots the log had, which numbers were claimed, and whether an open wait was aborted.
    """

    attempt: int = 0
    slots: int = 0
    claims: frozenset[int] = frozenset()
    aborted: bool = False
    moment: int = 0


@dataclass(slots=True)
class Pod:
    """A pod object, and the process that was started for it."""

    name: str
    process: Process
    phase: str = ""
    there: bool = True


@dataclass(slots=True)
class Story:
    """What has happened to the execution so far, whoever did it."""

    heads: list[Head] = field(default_factory=lambda: [Head()])
    slots: list[Slot] = field(default_factory=list[Slot])
    claims: dict[int, str] = field(default_factory=dict[int, str])
    waits: dict[str, OpenWait] = field(default_factory=dict[str, OpenWait])
    pods: dict[str, Pod] = field(default_factory=dict[str, Pod])
    vanished: dict[int, int] = field(default_factory=dict[int, int])
    answers: dict[str, KitaruAnswer] = field(default_factory=dict[str, KitaruAnswer])


class Witness:
    """Hears of every change in the cluster. `acting` is the operator whose write it is, None for anybody else.

    `zombies` says that a pod object was lost whose process lived on: from then on work may be wasted.
    """

    def __init__(self, bench: Bench, paths: ExecutionPaths) -> None:
        self.faults: list[str] = []
        self.acting: int | None = None
        self.zombies = False
        self.story = Story()
        self.execution = bench.execution("x")
        self._bench = bench
        self._paths = paths
        self._objects = Objects(bench.store, paths)
        self._looks: dict[int, Look] = {}
        self._moment = 0
        bench.cluster.watch(self._heard)

    @property
    def head(self) -> Head:
        """The head of the log as it is now."""
        self._read()
        return self.story.heads[-1]

    def looks(self, operator: int) -> None:
        """The operator is about to begin a pass."""
        self._read()
        self._moment += 1
        attempt, claims = self.execution.status.attempt, frozenset(self.story.claims)
        self._looks[operator] = Look(attempt, len(self.story.slots), claims, self._aborted(), self._moment)

    def decision(self, wait: str) -> Answer | Abort | Expiry | None:
        """What is stored for the wait."""
        match self._objects.perform(ReadDecision(wait)):
            case Found(Answer() | Abort() | Expiry() as decision):
                return decision
            case _:
                return None

    def pods(self) -> list[Pod]:
        """The pod objects that there are."""
        return [pod for pod in self.story.pods.values() if pod.there]

    def cancelled(self) -> bool:
        """Whether the execution is to be cancelled: by its spec, or by an abort of an open wait (rule 15)."""
        return self.execution.spec.cancel or self._aborted()

    def _aborted(self) -> bool:
        return any(isinstance(self.decision(wait.id), Abort) for wait in self.head.waits)

    def healthy(self, pod: Pod) -> bool:
        """Whether the pod is the attempt's, there, and may still commit."""
        process, number = pod.process, self.execution.status.attempt
        mine = self.story.claims.get(number) in {None, process.identity.writer}
        alive = pod.there and not process.exited and pod.phase in _ALIVE
        return process.number == number and mine and alive and self.head.end != number

    def _read(self) -> None:
        story = self.story
        while isinstance(reply := self._objects.perform(ReadSlot(len(story.slots))), Found):
            assert isinstance(reply.content, Slot)
            story.slots.append(reply.content)
            story.heads.append(heads.fold(story.heads[-1], (reply.content,)))
            story.waits.update({wait.id: wait for wait in story.heads[-1].waits})
        for number in range(1, self.execution.status.attempt + 2):
            if number not in story.claims and (claim := self._objects.claim(number)) is not None:
                story.claims[number] = claim.writer

    def _heard(self, kind: Kind, change: Change, body: Body) -> None:
        self._moment += 1
        self._read()
        if kind == EXECUTIONS:
            self._execution(model.read(KitaruExecution, body))
        elif kind == ANSWERS and change == "seen":
            self._answer(model.read(KitaruAnswer, body))
        elif kind == PODS:
            self._pod(change, body)

    def _check(self, right: object, fault: str) -> None:
        if not right:
            who = "somebody" if self.acting is None else f"operator {self.acting}"
            self.faults.append(f"{who}: {fault}")

    @property
    def _look(self) -> Look:
        return Look() if self.acting is None else self._looks.get(self.acting, Look())

    def _execution(self, new: KitaruExecution) -> None:
        old = self.execution.status
        if new.status.attempt != old.attempt:
            self._raised(old.attempt, new.status.attempt)
        if new.status.phase != old.phase:
            self._reported(old.phase, new.status.phase)
        self.execution = new

    def _raised(self, old: int, new: int) -> None:
        """One number after the other (rule 23), and none for nothing (W1 and W2 of the model)."""
        self._check(new == old + 1, f"the attempt goes from {old} to {new}")
        head = self.head
        if self.zombies or self.cancelled() or budget.spent(budget.lost(old, head)):
            return
        # The pod object that its maker looked at vanished since, and another operator made it again: accepted waste.
        again = self.story.vanished.get(old, -1) > self._look.moment
        healthy = any(self.healthy(pod) for pod in self.pods())
        self._check(again or not healthy, f"the healthy attempt {old} is superseded")
        answered = any(self.decision(wait.id) is not None for wait in head.waits)
        self._check(head.state is not State.PARKED or answered, f"attempt {new} for a parked execution without answer")
        over = head.final or (head.state is State.FAILED and head.failures > self.execution.spec.retry)
        self._check(not over, f"attempt {new} for an execution that is over")

    def _reported(self, old: Phase | None, new: Phase | None) -> None:
        """A phase is what the log said while the pass was looking (rule 24); a final one never changes."""
        said = self.story.heads[self._look.slots :]
        self._check(any(_may(head, new) for head in said), f"phase {new}, the log: {[str(one.state) for one in said]}")
        self._check(old not in {Phase.COMPLETED, Phase.CANCELLED}, f"the phase goes from {old} to {new}")

    def _answer(self, new: KitaruAnswer) -> None:
        old = self.story.answers.get(new.metadata.uid)
        self.story.answers[new.metadata.uid] = new
        before = None if old is None else old.status.phase
        if before == new.status.phase:
            return
        self._check(before in {None, AnswerPhase.PENDING}, f"a verdict changes from {before} to {new.status.phase}")
        self.verdict(new)
        late = self._late(new)
        if new.status.phase is AnswerPhase.ACCEPTED:
            self._check(not late, "what was made after the deadline is accepted")
        if new.status.reason == Reason.DEADLINE_PASSED and self._fits(new):
            self._check(late, "what was made in time is told that it is late")

    def _fits(self, answer: KitaruAnswer) -> bool:
        """Whether it could have won; what does not fit is passed over when a deadline is over (rule 28b)."""
        wait = self.story.waits.get(answer.spec.wait)
        return wait is not None and (not answer.spec.given or schemas.problem(wait.schema, answer.spec.value) is None)

    def _late(self, answer: KitaruAnswer) -> bool:
        wait, made = self.story.waits.get(answer.spec.wait), answer.metadata.creation_timestamp
        return wait is not None and wait.deadline is not None and made is not None and made > wait.deadline

    def verdict(self, answer: KitaruAnswer) -> None:
        """Accepted is stored, refused is never used (rule 29); an abort is told once the execution is over (28c)."""
        held, state = self.decision(answer.spec.wait), self.head.state
        mine = isinstance(held, Answer | Abort) and held.request == answer.metadata.uid
        used = mine and not (isinstance(held, Abort) and state is State.COMPLETED)
        if answer.status.phase is AnswerPhase.ACCEPTED:
            self._check(mine, "accepted, and another answer is stored")
            self._check(isinstance(held, Answer) or state is State.CANCELLED, "an abort is accepted before the end")
        if answer.status.phase is AnswerPhase.REFUSED:
            self._check(not used, "refused, and used")

    def _pod(self, change: Change, body: Body) -> None:
        uid, metadata = text(body, "metadata", "uid"), body["metadata"]
        if change == "lost":
            self._lost(self.story.pods[uid])
        elif uid in self.story.pods:
            self.story.pods[uid].phase = text(body, "status", "phase")
        elif isinstance(metadata, dict):
            number = int(text(metadata, "labels", model.ATTEMPT_LABEL))
            allowance = int(_environment(body)["KITARU_RETRY_ALLOWANCE"])
            identity = Identity(epoch=number, writer=self._bench.ids.new(), pod=uid, allowance=allowance)
            self._made(number, allowance)
            process = Process(uid, identity, self._objects, self._bench.clock)
            self.story.pods[uid] = Pod(str(metadata["name"]), process)

    def _made(self, number: int, allowance: int) -> None:
        """A pod is made for the attempt's number, once it was raised, and not for one that is known to be claimed.

        The one waste that is allowed, because no operator can avoid it: between two of its reads, or between the last
        one and the writing, the number was claimed and the pod object of the process that claimed it vanished.
        """
        look, status = self._look, self.execution.status
        vanished = self.story.vanished.get(number, -1)
        again = vanished > look.moment or (self.zombies and vanished >= 0)
        self._check(number <= status.attempt, f"a pod {number}, the attempt is {status.attempt}")
        # Another operator may have raised it since, as when it ends the execution: such a pod finds that, and exits.
        self._check(number >= look.attempt or vanished >= 0, f"a pod {number}, and the attempt is {status.attempt}")
        claimed = number in self.story.claims
        self._check(not claimed or (again and number not in look.claims), f"a pod {number}, which is claimed")
        self._check(not self.story.heads[look.slots].final, f"a pod {number}, and the execution is over")
        self._check(not look.aborted, f"a pod {number}, and an open wait was aborted")
        self._check(allowance <= self.execution.spec.retry, f"a pod {number} is allowed more than was granted")

    def _lost(self, pod: Pod) -> None:
        """No healthy pod is deleted (W3 of the model)."""
        if self.acting is not None and not self.zombies and not self.cancelled():
            self._check(not self.healthy(pod) or self._over(), f"the healthy pod {pod.process.number} is deleted")
        pod.there = False
        if self.acting is not None:
            pod.process.exited = True
        self.story.vanished[pod.process.number] = self._moment

    def _over(self) -> bool:
        failed = self.head.state is State.FAILED and self.head.failures > self.execution.spec.retry
        return self.head.final or failed


def _may(head: Head, phase: Phase | None) -> bool:
    """Whether a log that ends so can be reported as this phase: only its claims and decisions are left open."""
    match phase:
        case Phase.COMPLETED:
            return head.state is State.COMPLETED
        case Phase.CANCELLED:
            return head.state is State.CANCELLED
        case Phase.FAILED:
            return head.state is State.FAILED
        case Phase.WAITING:
            return head.state is State.PARKED or head.idle > 0
        case Phase.RUNNING:
            return head.state is State.RUNNING and head.epoch > 0 and not head.idle
        case Phase.PENDING | None:
            return not head.final and not head.idle


def text(body: Body, *path: str) -> str:
    """Return the text at a path, empty if there is none."""
    found: JsonValue = body
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def _environment(body: Body) -> dict[str, str]:
    spec = body["spec"]
    containers = spec.get("containers") if isinstance(spec, dict) else None
    first = containers[0] if isinstance(containers, list) else None
    env = first.get("env") if isinstance(first, dict) else None
    pairs = [one for one in env if isinstance(one, dict)] if isinstance(env, list) else []
    return {str(one.get("name")): str(one.get("value")) for one in pairs}
