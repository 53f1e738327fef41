"""Operators, people, runners and faults in any order: what must hold at every write, and at rest."""

from __future__ import annotations

from typing import ClassVar

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import JsonValue

from kitaru.core.head import State
from kitaru.core.journal import Abort, Cancelled, Failed, Fence
from kitaru.core.resources.answer import AnswerPhase, KitaruAnswer
from kitaru_operator.cluster import ANSWERS, EXECUTIONS, FLOWS, PODS
from tests.laws.kitaru_operator.processes import Process, Wish
from tests.laws.kitaru_operator.witness import Pod, Witness
from tests.unit.kitaru_operator.bench import Bench

OPERATORS = st.sampled_from([0, 1])
PLACES = st.integers(0, 3)
#: What bodies do, the last of it again and again.
BODIES = st.sampled_from(
    [
        (Wish.ASK, Wish.PARK),
        (Wish.ASK, Wish.STAY),
        (Wish.ASK, Wish.WORK, Wish.ASK, Wish.PARK),
        (Wish.ASK_FOR_SECONDS, Wish.PARK),
        (Wish.STAY, Wish.WORK),
        (Wish.PARK, Wish.WORK),
        (Wish.FAIL,),
        (Wish.WORK, Wish.COMPLETE),
    ]
)
#: Requests in a row: a pass makes about ten of them, an attempt as many.
REQUESTS = st.integers(1, 9)
YES: dict[str, JsonValue] = {"value": {"approved": True}}
MISFIT: dict[str, JsonValue] = {"value": {"approved": "maybe"}}
ABORT: dict[str, JsonValue] = {"abort": True}
#: Of each, more than any story needs to come to rest.
ROUNDS, PASSES = 60, 400
#: Requests from an execution that was just applied to its pod, and some more.
MADE = 40
#: Answers beyond this many are given only to waits that were opened.
EARLY = 2


class Operators(RuleBasedStateMachine):
    """One execution under two operators; every request is one step, and anything may come next."""

    count: ClassVar[int] = 2

    def __init__(self) -> None:
        super().__init__()
        first = Bench()
        self.bench = first
        self.operators = (first, *(Bench(first) for _ in range(self.count - 1)))
        flow: dict[str, JsonValue] = {"entrypoint": "agents.f:f", "image": "registry.example/f:1"}
        first.apply(FLOWS, "f", flow)
        first.apply(EXECUTIONS, "x", {"flow": "f"})
        self.witness = Witness(first, first.paths("x"))
        self.answers = 0
        self.hangs = False

    @initialize(requests=st.integers(0, MADE), hangs=st.booleans())
    def begins(self, requests: int, *, hangs: bool) -> None:
        """The execution is new, on its way to its pod, or has it; a pod may stay after its last record."""
        self.hangs = hangs
        for _ in range(requests):
            self._request(0)

    @rule(which=OPERATORS, requests=REQUESTS)
    def operates(self, which: int, requests: int) -> None:
        """One of the operators makes a few requests, and stops between two of them."""
        for _ in range(requests):
            self._request(which % self.count)

    @rule(which=OPERATORS)
    def settles(self, which: int) -> None:
        """One of the operators does all that there is to do."""
        self._settle(which % self.count)

    @rule(which=OPERATORS, requests=REQUESTS, body=BODIES, meanwhile=REQUESTS)
    def is_overtaken(self, which: int, requests: int, body: tuple[Wish, ...], meanwhile: int) -> None:
        """An operator stops in a pass while the other and the newest process go on; then it does the rest of it."""
        for _ in range(requests):
            self._request(which % self.count)
        for other in range(self.count):
            if other != which % self.count:
                self._settle(other)
        self._run(0, body, meanwhile)
        while self.operators[which % self.count].looking:
            self._request(which % self.count)

    def _request(self, which: int) -> bool:
        one, self.witness.acting = self.operators[which], which
        if not one.looking:
            self.witness.looks(which)
        went = one.request()
        self.witness.acting = None
        return went

    @precondition(lambda self: self.witness.story.pods)
    @rule(place=PLACES, body=BODIES, requests=REQUESTS)
    def runs(self, place: int, body: tuple[Wish, ...], requests: int) -> None:
        """A process, mostly the newest, makes a few requests."""
        self._run(place, body, requests)

    @precondition(lambda self: self.witness.story.pods)
    @rule(place=PLACES, body=BODIES)
    def runs_on(self, place: int, body: tuple[Wish, ...]) -> None:
        """A process comes to the end of its body."""
        self._run(place, body, 12)

    def _run(self, place: int, body: tuple[Wish, ...], requests: int) -> None:
        living = [pod for pod in self.witness.story.pods.values() if not pod.process.exited]
        if not living:
            return
        pod = living[-1 - place % len(living)]
        self._start(pod)
        pod.process.run(body, requests)

    def _start(self, pod: Pod) -> None:
        if pod.there and pod.phase != "Running":
            self.bench.pod_becomes(pod.name, "Running")

    @rule()
    def exits_are_seen(self) -> None:
        """The kubelet writes which pods have ended."""
        for pod in self.witness.pods():
            if pod.process.exited and pod.phase != "Succeeded":
                self.bench.pod_becomes(pod.name, "Succeeded")

    @precondition(lambda self: self.witness.story.waits)
    @rule(place=PLACES, given=st.sampled_from([YES, YES, MISFIT, ABORT]))
    def answers_come(self, place: int, given: dict[str, JsonValue]) -> None:
        """A person answers or aborts a wait, the newest or an old one, maybe not the first to do so."""
        waits = tuple(self.witness.story.waits)
        self._answer(waits[-1 - place % len(waits)], given)

    @precondition(lambda self: len(self.witness.story.answers) < EARLY)
    @rule()
    def early_answer_comes(self) -> None:
        """A person answers a wait that may be opened yet."""
        self._answer(f"approve_{self.witness.head.next}", YES)

    def _answer(self, wait: str, given: dict[str, JsonValue]) -> None:
        self.answers += 1
        spec: dict[str, JsonValue] = {"execution": "x", "wait": wait, "answeredBy": "ada", **given}
        self.bench.apply(ANSWERS, f"a{self.answers}", spec)

    @precondition(lambda self: self.witness.head.failures > self.witness.execution.spec.retry)
    @rule()
    def retry_is_granted(self) -> None:
        """A person grants one more try."""
        self.bench.apply(EXECUTIONS, "x", {"retry": self.witness.execution.spec.retry + 1})

    @precondition(lambda self: self.witness.execution.status.attempt > 1)
    @rule()
    def cancel_is_asked(self) -> None:
        """A person wants it to end."""
        self.bench.apply(EXECUTIONS, "x", {"cancel": True})

    @precondition(lambda self: self.witness.pods())
    @rule(place=PLACES, vanishes=st.booleans())
    def process_dies(self, place: int, *, vanishes: bool) -> None:
        """A pod is killed, and its object stays or goes."""
        pod = self._pod(place)
        pod.process.exited = True
        if vanishes:
            self.bench.delete(PODS, pod.name)
        else:
            self.bench.pod_becomes(pod.name, "Failed")

    @precondition(lambda self: self.witness.pods())
    @rule(place=PLACES)
    def object_is_lost(self, place: int) -> None:
        """A pod object goes, and its process lives on, or begins late."""
        pod = self._pod(place)
        self.witness.zombies |= not pod.process.exited
        self.bench.delete(PODS, pod.name)

    def _pod(self, place: int) -> Pod:
        pods = self.witness.pods()
        return pods[-1 - place % len(pods)]

    @rule(which=OPERATORS)
    def operator_crashes(self, which: int) -> None:
        """An operator is lost between two requests, and another takes its place."""
        self.operators[which % self.count].crash()

    @rule(which=OPERATORS)
    def watches_lag(self, which: int) -> None:
        """An operator hears of nothing but what it asks for, until its watches are back."""
        one = self.operators[which % self.count]
        if one.lags:
            one.catch_up()
        else:
            one.lags = True

    @rule(seconds=st.sampled_from([0.5, 3, 9, 30]))
    def time_passes(self, seconds: float) -> None:
        """Time passes."""
        self.bench.clock.advance(seconds)

    @invariant()
    def nothing_was_wrong(self) -> None:
        """No write was one that must not be, and no verdict has become wrong since it was told."""
        for answer in self.witness.story.answers.values():
            if answer.status.phase is AnswerPhase.REFUSED:
                self.witness.verdict(answer)
        assert not self.witness.faults

    def teardown(self) -> None:
        """Left alone, it comes to rest: over or waiting, nothing running, everybody told."""
        if self.witness.faults:
            return
        for one in self.operators:
            one.catch_up()
        for _ in range(ROUNDS):
            self._round()
            if self._at_rest():
                break
            self.bench.clock.advance(self._patience())
        else:
            message = f"no rest: {self.witness.head}, {self.witness.execution.status}, {self.witness.pods()}"
            raise AssertionError(message)
        self.nothing_was_wrong()
        self._log_is_right()

    def _round(self) -> None:
        """Runners go on to their ends, without asking anything new; the operators do what there is to do."""
        for pod in tuple(self.witness.story.pods.values()):
            if not pod.process.exited:
                self._start(pod)
                pod.process.run((Wish.PARK if self.witness.head.waits else Wish.COMPLETE,), 12)
            if pod.there and not (self.hangs and self._ended_it(pod.process)) and pod.phase != "Succeeded":
                self.bench.pod_becomes(pod.name, "Succeeded")
        for which in range(self.count):
            self._settle(which)

    def _settle(self, which: int) -> None:
        for _ in range(PASSES):
            if not self._request(which):
                return
        message = f"{PASSES} requests, and still something to do: {self.bench.cluster.writes[-9:]}"
        raise AssertionError(message)

    def _patience(self) -> float:
        """Until something is due, by the operators' own schedule."""
        due = [at for at in (one.schedule.next_due() for one in self.operators) if at is not None]
        return max(0.1, min(due, default=60.0) - self.bench.clock.monotonic())

    def _ended_it(self, process: Process) -> bool:
        return self.witness.head.end == process.number

    def _at_rest(self) -> bool:
        """As the model's states of rest: the phase is the log's, no pod is left, every request has its verdict."""
        head, status = self.witness.head, self.witness.execution.status
        open_waits = {wait.id: self.witness.decision(wait.id) for wait in head.waits}
        waits = head.state is State.PARKED and not any(open_waits.values()) and not self.witness.cancelled()
        over = head.final or (
            head.state is State.FAILED
            and (head.failures > self.witness.execution.spec.retry or self.witness.cancelled())
        )
        phase = "waiting" if waits else head.state.value
        told = all(self._is_told(answer) for answer in self.witness.story.answers.values())
        return (over or waits) and str(status.phase).lower() == phase and not self.witness.pods() and told

    def _is_told(self, answer: KitaruAnswer) -> bool:
        """No verdict is owed to an answer whose wait is not open, and to a stored abort of what has failed."""
        if answer.status.phase in {AnswerPhase.ACCEPTED, AnswerPhase.REFUSED}:
            return True
        head, held = self.witness.head, self.witness.decision(answer.spec.wait)
        stored = isinstance(held, Abort) and held.request == answer.metadata.uid
        return not head.final and (stored or (held is None and not head.is_open(answer.spec.wait)))

    def _log_is_right(self) -> None:
        """Epochs never fall, each has one writer and begins with its fence, and nothing follows an end."""
        last, writers, over = 0, dict[int, str](), False
        for slot in self.witness.story.slots:
            assert not over
            assert slot.epoch >= last
            assert writers.setdefault(slot.epoch, slot.writer) == slot.writer
            assert slot.epoch == last or isinstance(slot.records[0], Fence | Cancelled | Failed)
            last, over = slot.epoch, self.witness.story.heads[-1].final and slot is self.witness.story.slots[-1]
        assert last <= self.witness.execution.status.attempt


class OneOperator(Operators):
    """The same under one operator, which is started again now and then."""

    count = 1


#: Enough for a few passes of each operator, three attempts, and what people and faults do meanwhile.
STEPS = 40
#: The same stories each time, so that a change is judged by itself and not by luck. To try others, take
#: `derandomize` away and give `--hypothesis-seed`.
STORIES = settings(stateful_step_count=STEPS, derandomize=True)

TestOperators = Operators.TestCase
TestOperators.settings = STORIES
TestOneOperator = OneOperator.TestCase
TestOneOperator.settings = STORIES
