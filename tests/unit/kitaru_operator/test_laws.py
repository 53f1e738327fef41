"""Two operators, people, runners and faults in any order: what must hold after every step, and at rest."""

from __future__ import annotations

import asyncio
import collections
from typing import ClassVar

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import JsonValue

from kitaru.core.head import FINAL
from kitaru_operator.cluster import ANSWERS, EXECUTIONS, FLOWS, PODS, Body, Change, Kind
from tests.unit.kitaru_operator import records
from tests.unit.kitaru_operator.bench import Bench

OPERATORS = st.sampled_from([0, 1])
YES: dict[str, JsonValue] = {"approved": True}


class Operators(RuleBasedStateMachine):
    """One execution under two operators; every act is one step, and any of them may come next."""

    phases: ClassVar[frozenset[str]] = frozenset({"Completed", "Cancelled"})

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.operators = (self.bench, Bench(self.bench))
        self.made: collections.Counter[str] = collections.Counter()
        self.ended: str | None = None
        self.answered = 0
        self.bench.cluster.watch(self._heard)
        flow: dict[str, JsonValue] = {"entrypoint": "agents.f:f", "image": "registry.example/f:1"}
        self.bench.apply(FLOWS, "f", flow)
        self.bench.apply(EXECUTIONS, "x", {"flow": "f", "retry": 1})

    def _heard(self, kind: Kind, change: Change, body: Body) -> None:
        metadata = body["metadata"]
        if kind is PODS and change == "seen" and isinstance(metadata, dict) and "status" not in body:
            self.made[str(metadata["name"])] += 1

    @rule(which=OPERATORS, passes=st.integers(1, 6))
    def operate(self, which: int, passes: int) -> None:
        """One of the operators makes a few passes, and pauses."""

        async def work() -> None:
            for _ in range(passes):
                await self.operators[which].step()

        asyncio.run(work())

    @rule(seconds=st.sampled_from([0.5, 3, 70]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.bench.clock.advance(seconds)

    @rule(ends=st.sampled_from(["nothing", "parks", "returns", "raises"]))
    def run(self, ends: str) -> None:
        """The attempt's runner does a part of its work, and its process ends."""
        status = self.bench.execution("x").status
        if status.pod_name is None or status.pod_name not in self.bench.pods():
            return
        head = self.bench.head("x")
        answers = [records.answered(wait.id) for wait in head.waits]
        asked = records.asked(f"approve_{head.next}")
        work = {
            "nothing": (records.returned(),),
            "parks": (*answers, asked, records.parked()),
            "returns": (*answers, records.completed()),
            "raises": (records.failed(),),
        }[ends]
        self.bench.run("x", *work)
        self.bench.pod_becomes(status.pod_name, "Succeeded")

    @rule(which=st.integers(0, 3))
    def lose(self, which: int) -> None:
        """A pod is deleted by somebody else."""
        pods = self.bench.pods()
        if pods:
            self.bench.delete(PODS, pods[which % len(pods)])

    @rule()
    def answer(self) -> None:
        """Somebody answers an open wait."""
        waits = self.bench.head("x").waits
        if waits:
            self.answered += 1
            spec: dict[str, JsonValue] = {
                "execution": "x",
                "wait": waits[0].id,
                "answeredBy": "ada",
                "value": YES,
            }
            self.bench.apply(ANSWERS, f"a{self.answered}", spec)

    @precondition(lambda self: self.answered > 0)
    @rule()
    def cancel(self) -> None:
        """Somebody cancels."""
        self.bench.apply(EXECUTIONS, "x", {"cancel": True})

    @invariant()
    def one_pod_a_number(self) -> None:
        """No attempt has ever had two pods, unless its first was deleted before it claimed its number."""
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
        """No epoch in the log is one that was never handed out."""
        assert self.bench.head("x").epoch <= self.bench.execution("x").status.attempt

    def teardown(self) -> None:
        """Left alone, both operators come to rest, and the status says what the log says."""
        self.bench.clock.advance(70)
        for _ in range(6):
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


TestOperators = Operators.TestCase
TestOperators.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
