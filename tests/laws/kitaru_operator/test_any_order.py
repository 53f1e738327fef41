"""Two operators, people, runners and faults in any order: what must hold after every step, and at rest."""

from __future__ import annotations

from typing import ClassVar

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from pydantic import JsonValue

from kitaru.backends import log
from kitaru.core.head import FINAL
from kitaru.core.journal import Answer
from kitaru_operator.cluster import ANSWERS, EXECUTIONS, FLOWS, PODS
from tests.unit.kitaru_operator import records
from tests.unit.kitaru_operator.bench import Bench

OPERATORS = st.sampled_from([0, 1])
YES: dict[str, JsonValue] = {"approved": True}


class Operators(RuleBasedStateMachine):
    """One execution under two operators; every act is one step, and any of them may come next."""

    two: ClassVar[bool] = True
    phases: ClassVar[frozenset[str]] = frozenset({"Completed", "Cancelled"})

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.operators = (self.bench, Bench(self.bench)) if self.two else (self.bench,)
        self.ended: str | None = None
        self.answered = 0
        flow: dict[str, JsonValue] = {"entrypoint": "agents.f:f", "image": "registry.example/f:1"}
        self.bench.apply(FLOWS, "f", flow)
        self.bench.apply(EXECUTIONS, "x", {"flow": "f", "retry": 1})
        self.attempt = 0
        self.paths = self.bench.paths("x")
        for one in self.operators:
            one.settle()

    @rule(which=OPERATORS, requests=st.integers(1, 20))
    def operate(self, which: int, requests: int) -> None:
        """One of the operators makes a few requests, and stops between two of them."""
        for _ in range(requests):
            self.operators[which % len(self.operators)].request()

    @rule(what=st.sampled_from(["works", "dies", "parks", "parks", "returns", "raises"]))
    def run(self, what: str) -> None:
        """The attempt's runner does a part of its work, and goes on, dies or ends."""
        status = self.bench.execution("x").status
        if status.pod_name is None or status.pod_name not in self.bench.pods():
            return
        head = self.bench.head("x")
        answers = [records.answered(one.id) for one in head.waits if self._is_answered(one.id)]
        asked = records.asked(f"approve_{head.next}")
        work = {
            "works": (records.returned(),),
            "dies": (records.returned(),),
            "parks": (*answers, asked, records.parked()),
            "returns": (*answers, records.completed()),
            "raises": (records.failed(),),
        }[what]
        self.bench.run("x", *work)
        self.bench.pod_becomes(status.pod_name, "Running" if what == "works" else "Succeeded")

    def _is_answered(self, wait: str) -> bool:
        held = log.read_decision(self.bench.store, self.paths, wait)
        return isinstance(held, Answer)

    @rule(what=st.sampled_from(["answer", "answer", "answer", "cancel", "lose", "crash", "wait"]))
    def happens(self, what: str) -> None:
        """A person, a fault, or time."""
        match what:
            case "answer":
                self._answer()
            case "cancel" if self.answered > 1:
                self.bench.apply(EXECUTIONS, "x", {"cancel": True})
            case "lose":
                for pod in self.bench.pods()[:1]:
                    self.bench.delete(PODS, pod)
            case "crash":
                self.operators[-1].crash()
            case _:
                self.bench.clock.advance(3)

    def _answer(self) -> None:
        """Answer an open wait."""
        for wait in self.bench.head("x").waits[:1]:
            self.answered += 1
            spec: dict[str, JsonValue] = {
                "execution": "x",
                "wait": wait.id,
                "answeredBy": "ada",
                "value": YES,
            }
            self.bench.apply(ANSWERS, f"a{self.answered}", spec)

    @invariant()
    def one_pod_a_number(self) -> None:
        """No attempt has two pods at once; one that was gone may be made again, and finds its number taken."""
        numbers = [name.rpartition("-")[2] for name in self.bench.pods()]
        assert len(numbers) == len(set(numbers))

    @invariant()
    def final_stays_final(self) -> None:
        """A reported end is what the log says, and never changes."""
        phase = self.bench.status("x")
        if self.ended is not None:
            assert phase == self.ended
        if phase in self.phases:
            assert self.bench.head("x").state in FINAL
            self.ended = phase

    @invariant()
    def attempts_only_grow(self) -> None:
        """The number never falls, and no epoch in the log is one that was never handed out."""
        attempt = self.bench.execution("x").status.attempt
        assert attempt >= self.attempt
        assert self.bench.head("x").epoch <= attempt
        self.attempt = attempt

    @invariant()
    def an_accepted_answer_is_the_stored_one(self) -> None:
        """Accepted means stored, refused means never used (rule 29)."""
        for number in range(1, self.answered + 1):
            answer = self.bench.answer(f"a{number}")
            held = log.read_decision(self.bench.store, self.bench.paths("x"), answer.spec.wait)
            mine = isinstance(held, Answer) and held.request == answer.metadata.uid
            assert mine or answer.status.phase != "Accepted"
            assert not mine or answer.status.phase != "Refused"

    def teardown(self) -> None:
        """Left alone, both operators come to rest, and the status says what the log says."""
        for one in self.operators:
            one.finish()
        for _ in range(6):
            self.bench.clock.advance(70)
            for one in self.operators:
                one.settle()
        status, head = self.bench.execution("x").status, self.bench.head("x")
        if head.final:
            assert str(status.phase).lower() == head.state
            assert self.bench.pods() == []
        elif status.phase == "Waiting":
            assert self.bench.pods() == []
        else:
            assert status.phase == "Failed" or len(self.bench.pods()) == 1


class OneOperator(Operators):
    """The same under one operator, which is started again now and then."""

    two = False


#: A story is hundreds of passes: a quarter of a second each. More of them than this do not fit the time of a test run.
STORIES = settings(max_examples=min(settings().max_examples, 250), stateful_step_count=20)

TestOperators = Operators.TestCase
TestOperators.settings = STORIES
TestOneOperator = OneOperator.TestCase
TestOneOperator.settings = STORIES
