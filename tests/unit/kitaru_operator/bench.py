"""An operator on a bench: its real passes, on an API server and a store in memory, at a time that the test sets."""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine
from random import Random

from pydantic import JsonValue

from kitaru.backends import faults, log
from kitaru.backends.memory import FakeClock, MemoryStore, SequentialIds
from kitaru.core.head import Head
from kitaru.core.journal import Record
from kitaru.core.paths import ExecutionPaths
from kitaru.core.protocol.writer import Identity
from kitaru.core.resources import conditions, model
from kitaru.core.resources.answer import KitaruAnswer
from kitaru.core.resources.conditions import ExecutionCondition
from kitaru.core.resources.execution import KitaruExecution
from kitaru.core.resources.flow import KitaruFlow
from kitaru.errors import KitaruError
from kitaru.ports import Closed
from kitaru_operator import intake, resync, work
from kitaru_operator.cache import Cache
from kitaru_operator.cluster import (
    ANSWERS,
    EVENTS,
    EXECUTIONS,
    FLOWS,
    NAMESPACES,
    PODS,
    Body,
    Change,
    Kind,
    NotFoundError,
    Ref,
)
from kitaru_operator.clusters.memory import MemoryCluster
from kitaru_operator.connect import StoreJournals
from kitaru_operator.observed import StoreState
from kitaru_operator.schedule import Schedule
from kitaru_operator.settings import S3, Settings
from kitaru_operator.workers import WorkQueue
from kitaru_operator.world import Key, World
from tests.unit.kitaru_operator.turns import Turning, by_turns, drive

NAMESPACE = "team"
_WATCHED = frozenset({FLOWS, EXECUTIONS, ANSWERS, PODS})
_PASSES = 200


class Dice(Random):
    """Throws the same each time, so that a run can be repeated."""

    def random(self) -> float:
        """Return the middle."""
        return 0.5


class Bench:
    """One operator and the world that it works in. Two benches on one bench's world are two operators."""

    def __init__(self, beside: Bench | None = None) -> None:
        self.clock = FakeClock() if beside is None else beside.clock
        self.ids = SequentialIds() if beside is None else beside.ids
        self.store = MemoryStore() if beside is None else beside.store
        made = MemoryCluster(self.clock, self.ids)
        self.cluster = made if beside is None else beside.cluster
        self.schedule = Schedule[Key](Dice())
        self.turns = Turning(self.cluster)
        self.away = False
        self.faulty = faults.FaultyStore(self.store, self._fault)
        settings = Settings(
            s3=S3(bucket="b", endpoint="http://s3", prefix="p"),
            health_host="127.0.0.1",
            health_port=0,
        )
        self.world = World(
            cluster=self.turns,
            journals=StoreJournals(self.faulty, settings.s3, self.clock, self.ids, by_turns),
            cache=Cache(),
            queue=WorkQueue(self.schedule, 1),
            settings=settings,
            clock=self.clock,
            ids=self.ids,
            store=StoreState(ready=True),
        )
        self._pass: tuple[Key, Coroutine[None, None, float | None]] | None = None
        self.lags = False
        self._late: deque[tuple[Kind, Change, Body]] = deque()
        self.cluster.watch(self._heard)
        if beside is None:
            body: Body = {"metadata": {"name": NAMESPACE}, "status": {"phase": "Active"}}
            drive(self.cluster.create(NAMESPACES, "", body))

    def _fault(self, _: faults.Request) -> faults.Fault | None:
        return faults.unreachable() if self.away else None

    async def try_step(self) -> bool:
        """Make one pass, which may fail; return whether there was one to make."""
        key = self.schedule.take(self.clock.monotonic())
        if key is None:
            return False
        try:
            again = await work.work(self.world, key)
        except KitaruError:
            self.schedule.failed(key, self.clock.monotonic())
        else:
            self.schedule.done(key, None if again is None else self.clock.monotonic() + again)
        return True

    def try_for(self, seconds: int) -> None:
        """Let time pass, with passes that may fail."""

        async def passes() -> None:
            while await self.try_step():
                pass

        for _ in range(seconds):
            self.clock.advance(1)
            drive(passes())

    def _heard(self, kind: Kind, change: Change, body: Body) -> None:
        if kind in _WATCHED:
            self._late.append((kind, change, body))
            if not self.lags:
                self.catch_up()

    def catch_up(self) -> None:
        """Hear of everything that happened while this operator's watches lagged behind, in its order."""
        self.lags = False
        while self._late:
            intake.take(self.world, *self._late.popleft())

    def settle(self) -> int:
        """Make passes until nothing is left to do at this time; return how many."""
        return drive(self._settle())

    async def _settle(self) -> int:
        for count in range(_PASSES):
            if not await self.step():
                return count
        message = f"{_PASSES} passes, and still something to do: {self.cluster.writes[-9:]}"
        raise AssertionError(message)

    async def step(self) -> bool:
        """Make one pass; return whether there was one to make."""
        key = self.schedule.take(self.clock.monotonic())
        if key is None:
            return False
        again = await work.work(self.world, key)
        self.schedule.done(key, None if again is None else self.clock.monotonic() + again)
        return True

    def request(self) -> bool:
        """Make one request of a pass, and no more; return whether there is anything to do now."""
        if self._pass is None:
            key = self.schedule.take(self.clock.monotonic())
            if key is None:
                return False
            self._pass = (key, work.work(self.world, key))
        key, coroutine = self._pass
        # A pass that raised, whatever it was, cannot go on.
        self._pass = None
        now = self.clock.monotonic()
        try:
            coroutine.send(None)
        except StopIteration as stop:
            self.schedule.done(key, None if stop.value is None else now + stop.value)
        except KitaruError:
            self.schedule.failed(key, now)
        else:
            self._pass = (key, coroutine)
        return True

    @property
    def looking(self) -> bool:
        """Whether a pass was begun and is not at its end."""
        return self._pass is not None

    def crash(self) -> None:
        """Lose the process between two requests, and start another, which lists everything first."""
        if self._pass is not None:
            self._pass[1].close()
            self._pass = None
        self.schedule = Schedule[Key](Dice())
        self.world.queue = WorkQueue(self.schedule, 1)
        self.world.cache = Cache()
        self.world.memories.clear()
        self.world.touched.clear()
        self.lags = False
        self._late.clear()
        self.resync()

    def finish(self) -> None:
        """Bring a pass that was stopped to its end."""
        while self._pass is not None:
            self.request()

    def later(self, seconds: float) -> None:
        """Let time pass, then settle."""
        self.clock.advance(seconds)
        self.settle()

    def begin(self, name: str = "x", **spec: JsonValue) -> str:
        """Apply the flow `f` and an execution of it, settle, and return the name of its pod."""
        self.apply(FLOWS, "f", {"entrypoint": "agents.f:f", "image": "registry.example/f:1"})
        self.apply(EXECUTIONS, name, {"flow": "f", **spec})
        self.settle()
        (pod,) = self.pods()
        return pod

    def exits(self, pod: str) -> None:
        """Let the pod's process end, then settle."""
        self.pod_becomes(pod, "Succeeded")
        self.settle()

    def answers(self, name: str, wait: str, **given: JsonValue) -> None:
        """Let a person answer a wait of x, then settle."""
        spec: dict[str, JsonValue] = {"execution": "x", "wait": wait, "answeredBy": "ada", **given}
        self.apply(ANSWERS, name, spec)
        self.settle()

    def runner_ready(self, name: str = "x") -> tuple[str, str]:
        """Return reason and message of the condition RunnerReady."""
        return self._condition(name, ExecutionCondition.RUNNER_READY)

    def store_ready(self, name: str = "x") -> tuple[str, str]:
        """Return reason and message of the condition StoreReady."""
        return self._condition(name, ExecutionCondition.STORE_READY)

    def _condition(self, name: str, type_: ExecutionCondition) -> tuple[str, str]:
        found = conditions.condition(self.execution(name).status.conditions, type_)
        return ("", "") if found is None else (found.reason, found.message)

    def events(self) -> list[str]:
        """Return the reasons of all Events, in the order in which they were written."""

        async def reasons() -> list[str]:
            return [str(body["reason"]) async for body in self.cluster.list(EVENTS, NAMESPACE)]

        return drive(reasons())

    def apply(self, kind: Kind, name: str, spec: dict[str, JsonValue]) -> None:
        """Create the resource, or change its spec."""
        ref = Ref(kind, NAMESPACE, name)

        async def write() -> None:
            try:
                await self.cluster.patch(ref, {"spec": spec})
            except NotFoundError:
                body: Body = {
                    "apiVersion": kind.api_version,
                    "kind": kind.name,
                    "metadata": {"name": name},
                    "spec": spec,
                }
                await self.cluster.create(kind, NAMESPACE, body)

        drive(write())

    def get(self, kind: Kind, name: str) -> Body:
        """Return the object; raises `NotFoundError`."""
        return drive(self.cluster.get(Ref(kind, NAMESPACE, name)))

    def execution(self, name: str) -> KitaruExecution:
        """Return the execution as the API server has it."""
        return model.read(KitaruExecution, self.get(EXECUTIONS, name))

    def status(self, name: str) -> str:
        """Return the execution's phase, empty if it has none."""
        return str(self.execution(name).status.phase or "")

    def answer(self, name: str) -> KitaruAnswer:
        """Return the answer as the API server has it."""
        return model.read(KitaruAnswer, self.get(ANSWERS, name))

    def flow(self, name: str) -> KitaruFlow:
        """Return the flow as the API server has it."""
        return model.read(KitaruFlow, self.get(FLOWS, name))

    def pods(self) -> list[str]:
        """Return the names of all pods, sorted."""

        async def names() -> list[str]:
            found = [body["metadata"] async for body in self.cluster.list(PODS, NAMESPACE)]
            return sorted(str(one["name"]) for one in found if isinstance(one, dict))

        return drive(names())

    def paths(self, name: str) -> ExecutionPaths:
        """Return where the execution's data lies."""
        return self.world.journals.paths(NAMESPACE, self.execution(name).metadata.uid)

    def head(self, name: str) -> Head:
        """Return the head of the execution's log."""
        return log.read_head(self.store, self.paths(name))

    def run(self, name: str, *records: Record, attempt: int | None = None) -> bool:
        """Be the runner of the attempt: claim, fence, append the records; return whether it was let."""
        execution = self.execution(name)
        number = execution.status.attempt if attempt is None else attempt
        mine = self._journal(name, number, execution.spec.retry)
        if isinstance(mine.open(), Closed):
            return False
        if records:
            mine.append(records)
        mine.close()
        return True

    def runner(self, name: str) -> log.ObjectJournal:
        """Be the runner of the attempt, and go on with it: its journal, open."""
        execution = self.execution(name)
        mine = self._journal(name, execution.status.attempt, execution.spec.retry)
        assert not isinstance(mine.open(), Closed)
        return mine

    def _journal(self, name: str, number: int, allowance: int) -> log.ObjectJournal:
        identity = Identity(epoch=number, writer=self.ids.new(), allowance=allowance)
        return log.ObjectJournal(self.store, self.paths(name), identity, self.clock)

    def resync(self) -> None:
        """List everything, as the operator does every two minutes."""
        drive(resync.resync(self.world))

    def pod_becomes(self, name: str, phase: str, **status: JsonValue) -> None:
        """Be the kubelet: write the pod's status."""
        ref = Ref(PODS, NAMESPACE, name)

        async def write() -> None:
            body = await self.cluster.get(ref)
            await self.cluster.put_status(ref, {**body, "status": {"phase": phase, **status}})

        drive(write())

    def delete(self, kind: Kind, name: str) -> None:
        """Be a person, or the kubelet, who deletes."""
        metadata = self.get(kind, name)["metadata"]
        uid = str(metadata.get("uid")) if isinstance(metadata, dict) else ""
        drive(self.cluster.delete(Ref(kind, NAMESPACE, name), uid))
