"""One execution in a store in memory, attempted again and again, with faults at will."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypedDict, Unpack
from weakref import WeakValueDictionary

from hypothesis import settings
from pydantic import JsonValue

from kitaru.backends import log
from kitaru.backends.caches import ObjectCache, Owner
from kitaru.backends.faults import Fault, FaultyStore, Request, Script, crash
from kitaru.backends.log import ObjectJournal
from kitaru.backends.memory import FakeClock, MemoryStore, SequentialIds
from kitaru.backends.retrying import RetryingStore
from kitaru.backends.values import ObjectArtifacts, ObjectHistories
from kitaru.checkpoints import current_call, current_execution_id
from kitaru.core import definitions, paths, values
from kitaru.core.history import History
from kitaru.core.journal import Abort, Answer, Expiry, Returned, Slot
from kitaru.core.protocol.writer import Identity
from kitaru.core.retrying import Retry
from kitaru.core.spec import Replay
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Job, Outcome, World, run
from kitaru.engine.staying import Polling, Stay
from kitaru.engine.stop import Stop
from kitaru.engine.world import NoIsolation
from kitaru.ports import Isolation, ObjectStore

_NUMBERS = itertools.count(1)
#: From so many examples on, not each of them crashes at each request: their seeds shift where they do.
_MANY: Final = 1000


class Crash(BaseException):
    """The process dies here."""


@dataclass(slots=True)
class Process:
    """The life of one attempt's process: once it is dead, nothing of it has any effect."""

    dead: bool = False

    def check(self) -> None:
        if self.dead:
            raise Crash


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that a checkpoint's body did to the outside world."""

    epoch: int
    name: str
    key: int
    token: str


class Lines:
    """The Telemetry port, kept in a list."""

    def __init__(self) -> None:
        self.lines: list[Mapping[str, JsonValue]] = []

    def emit(self, line: Mapping[str, JsonValue]) -> None:
        self.lines.append(line)

    def flush(self) -> bool:
        return True


class Direct:
    """Pointers that are written at once, so that a crash can come at each."""

    def __init__(self, store: ObjectStore) -> None:
        self.get = store.get
        self.put = store.put

    def flush(self) -> None:
        pass


def stride(step: int) -> int:
    """Return how many requests lie between two crashes of one example: `step`, or more when there are many examples."""
    return step if settings().max_examples < _MANY else 4 * step


def dies_at(number: int, process: Process, *, took_effect: bool = False) -> Script:
    """Return the script in which the process dies at this request of its store."""

    def script(request: Request) -> Fault | None:
        if request.number < number:
            return None
        first = not process.dead
        process.dead = True
        return crash(Crash(), took_effect=took_effect and first)

    return script


class Otherwise(TypedDict, total=False):
    """What a replay does otherwise: another flow's function, other inputs, given outputs and answers by id."""

    flow: Callable[..., UserValue]
    inputs: Mapping[str, JsonValue]
    outputs: Mapping[str, JsonValue]
    answers: Mapping[str, JsonValue]
    seed: int


@dataclass(slots=True, weakref_slot=True)
class Bench:
    """An execution of a flow with these inputs, and what it did to the outside world."""

    flow: Callable[..., UserValue]
    inputs: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    retries: int | Retry = 0
    seed: int = 0
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: FakeClock = field(default_factory=FakeClock)
    lines: Lines = field(default_factory=Lines)
    effects: list[Effect] = field(default_factory=list[Effect])
    epoch: int = 0
    timeout: float | None = None
    isolation: Isolation = field(default_factory=NoIsolation)
    id: str = field(default_factory=lambda: f"e{next(_NUMBERS)}")
    replay: Replay | None = None
    #: Whether its calls take results of other executions; None: there are none to be had.
    caches: bool | None = None

    def __post_init__(self) -> None:
        _BENCHES[self.id] = self

    @property
    def paths(self) -> paths.ExecutionPaths:
        return paths.execution("", "test", self.id)

    def attempt(
        self,
        script: Callable[[Process], Script] | None = None,
        *,
        stay: float = 0.0,
        staying: Stay | None = None,
        stop: Stop | None = None,
    ) -> Outcome | None:
        """Make the next attempt; None when its process died."""
        self.epoch += 1
        process = Process()
        store = FaultyStore(self.store, script(process) if script else _no_fault)
        patient = RetryingStore(store, self.clock)
        ids = SequentialIds(self.epoch)
        identity = Identity(epoch=self.epoch, writer=ids.new(), allowance=100)
        world = World(
            journal=ObjectJournal(store, self.paths, identity, self.clock, width=1),
            artifacts=ObjectArtifacts(patient, self.paths),
            histories=ObjectHistories(patient, lambda one: paths.execution("", "test", one)),
            telemetry=self.lines,
            clock=self.clock,
            ids=ids,
            stay=staying or Polling(self.clock),
            stop=stop or Stop(),
            isolation=self.isolation,
            cache=None if self.caches is None else ObjectCache(store, self._owner(), Direct(store)),
        )
        flow = definitions.flow(self.flow, retries=self.retries, timeout=self.timeout)
        job = Job(exec_id=self.id, flow=flow, inputs=self.inputs, stay=stay, replay=self.replay, cache=self.caches)
        token = _ALIVE.set(_Alive(process, self.epoch, self.seed + self.epoch))
        try:
            return run(world, job)
        except Crash:
            return None
        finally:
            process.dead = True
            _ALIVE.reset(token)

    def replayed(self, from_: str, **otherwise: Unpack[Otherwise]) -> Bench:
        """Return the bench of a replay of what this one did so far, from a call on."""
        self.store.put(self.paths.spec, b"{}")
        return Bench(
            otherwise.get("flow", self.flow),
            otherwise.get("inputs", self.inputs),
            self.retries,
            otherwise.get("seed", self.seed),
            self.store,
            self.clock,
            replay=Replay(
                execution=self.id,
                slots=len(self.slots()),
                from_=from_,
                outputs={call: values.inline(output) for call, output in otherwise.get("outputs", {}).items()},
                answers=otherwise.get("answers", {}),
                changed=("inputs",) if "inputs" in otherwise else (),
                by="somebody",
            ),
        )

    def _owner(self) -> Owner:
        return Owner(prefix="", namespace="test", uid=self.id, execution=self.id)

    def slots(self) -> list[Slot]:
        """Return the log."""
        return list(log.read_slots(self.store, self.paths, width=1))

    def history(self) -> History:
        """Return what the log says."""
        return History(record for slot in self.slots() for record in slot.records)

    def answer(self, wait: str, value: JsonValue) -> None:
        """Store a person's answer."""
        answer = Answer(request=f"request-{wait}", value=value, at=self.clock.now())
        log.store_decision(self.store, self.paths, wait, answer)

    def abort(self, wait: str) -> None:
        """Store a person's abort."""
        abort = Abort(request=f"request-{wait}", at=self.clock.now())
        log.store_decision(self.store, self.paths, wait, abort)

    def expire(self, wait: str) -> None:
        """Store that nobody answered in time."""
        log.store_decision(self.store, self.paths, wait, Expiry(at=self.clock.now()))

    def finished(self) -> Counter[tuple[str, str]]:
        """Count the calls that returned, by name and inputs."""
        return Counter(
            (call.place.name, call.inputs)
            for call in self.history().calls.values()
            if isinstance(call.outcome, Returned)
        )

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.sleep(timedelta(seconds=seconds).total_seconds())


@dataclass(frozen=True, slots=True)
class _Alive:
    process: Process
    epoch: int
    seed: int
    rolls: Iterator[int] = field(default_factory=itertools.count)

    def roll(self, sides: int) -> int:
        """Return the next number below `sides`, another series for each seed."""
        digest = hashlib.sha256(f"{self.seed}-{next(self.rolls)}".encode()).digest()
        return int.from_bytes(digest[:4]) % sides


#: Not kept by this: thousands of them would make every collection of garbage a long one.
_BENCHES: WeakValueDictionary[str, Bench] = WeakValueDictionary()
_ALIVE: ContextVar[_Alive] = ContextVar("alive")


def affect(name: str, key: int) -> None:
    """Do something to the outside world, from a checkpoint's body."""
    alive = _ALIVE.get()
    alive.process.check()
    _BENCHES[current_execution_id() or ""].effects.append(
        Effect(alive.epoch, name, key, current_call().idempotency_key)
    )


def pass_time(seconds: float) -> None:
    """Let time pass, from a checkpoint's body."""
    _ALIVE.get().process.check()
    _BENCHES[current_execution_id() or ""].clock.advance(seconds)


def turns() -> int:
    """Return how many turns of the loop a body takes: another number in each attempt."""
    return _ALIVE.get().roll(4)


def shuffled(values: Sequence[UserValue]) -> list[UserValue]:
    """Return the values in an order that differs from attempt to attempt."""
    alive = _ALIVE.get()
    return sorted(values, key=lambda _: alive.roll(1000))


def _no_fault(_: Request) -> Fault | None:
    return None
