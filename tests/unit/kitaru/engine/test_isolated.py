"""Checkpoints that run in a process of their own, here in a thread that plays it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

import kitaru
from kitaru.artifacts import load, save
from kitaru.backends.clock import SystemClock
from kitaru.backends.ids import RandomIds
from kitaru.backends.memory import FakeClock, ThreadChannel, ThreadIsolation
from kitaru.checkpoints import checkpoint, current_call, current_execution_id
from kitaru.core.journal import Raised, Returned, Tried
from kitaru.core.retrying import Retry
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Completed, Failed, Interrupted, Outcome
from kitaru.engine.stop import Stop
from kitaru.errors import (
    FailureOrigin,
    KitaruContextError,
    KitaruFeatureNotAvailableError,
    KitaruIsolationError,
    KitaruUsageError,
)
from kitaru.isolated import doing
from kitaru.logs import log
from tests.laws.kit import Bench

#: What a function that is to hang waits for, and what says that it does.
RELEASED = threading.Event()
HANGS = threading.Event()


def serve(channel: ThreadChannel) -> None:
    """Do what the process does."""
    tell = doing.serve(channel, SystemClock(), RandomIds())
    if tell is not None:
        tell()


def dies(channel: ThreadChannel) -> None:
    """End before the function does."""
    channel.receive()


def bench_of(flow: Callable[..., UserValue], **inputs: int) -> Bench:
    """Return a bench with isolation."""
    return Bench(flow, inputs, isolation=ThreadIsolation(serve))


@pytest.fixture(autouse=True)
def released() -> Iterator[None]:
    """Let the threads end that a test left behind."""
    RELEASED.clear()
    HANGS.clear()
    yield
    RELEASED.set()


@checkpoint(runtime="isolated", type="tool_call")
def far(number: int) -> int:
    """Double it, and make all Kitaru calls that a checkpoint may make."""
    save("seen", number)
    save("large", "x" * 100_000)
    log(number=number)
    assert current_execution_id() is not None
    assert current_call().id == "far"
    return number * 2


@checkpoint(runtime="ISOLATED")
async def far_async(number: int) -> int:
    """Double it."""
    return number * 2


@checkpoint(runtime="isolated")
def refuse(number: int) -> None:
    """Fail."""
    save("seen", number)
    raise ValueError(number)


@checkpoint(runtime="isolated")
def read(name: str) -> str:
    """Return what this execution saved, as text."""
    return str(load(current_execution_id() or "", name))


@checkpoint(runtime="isolated")
def nest() -> int:
    """Call another checkpoint."""
    return far(1)


@checkpoint(runtime="isolated", timeout=5)
def hang() -> str:
    """Not end in time."""
    HANGS.set()
    RELEASED.wait(5)
    return "late"


@checkpoint(runtime="isolated", timeout=5)
async def hang_async() -> str:
    """Not end in time, and block the loop."""
    HANGS.set()
    RELEASED.wait(5)
    return "late"


def direct(number: int) -> int:
    """Call it in a `def` body."""
    return far(number)


def submitted(number: int) -> int:
    """Submit it."""
    return far.submit(number).result()


def submitted_async(number: int) -> int:
    """Submit an async one in a `def` body."""
    return far_async.submit(number).result()


async def awaited(number: int) -> int:
    """Await it."""
    return await far_async(number)


def completed(outcome: Outcome | None) -> UserValue:
    """Return what the flow returned."""
    assert isinstance(outcome, Completed), outcome
    return outcome.value.data


def name_of(function: Callable[..., UserValue]) -> str:
    """Return its name, as a test's id."""
    return function.__name__


@pytest.mark.parametrize("flow", [direct, submitted, submitted_async, awaited], ids=name_of)
def test_its_result_comes_back(flow: Callable[..., UserValue]) -> None:
    """However it is called, and whatever its colour."""
    assert completed(bench_of(flow, number=21).attempt()) == 42


def test_what_it_saves_and_logs_comes_with_its_result() -> None:
    """As if it had run in the attempt's process."""
    bench = bench_of(direct, number=3)
    completed(bench.attempt())
    outcome = bench.history().calls["far"].outcome
    assert isinstance(outcome, Returned)
    assert [one.name for one in outcome.saved] == ["seen", "large"]
    assert outcome.logged == {"number": 3}


def test_it_loads_what_other_calls_kept() -> None:
    """Histories and artifacts are asked for at the attempt's end of the channel."""

    def flow() -> list[UserValue]:
        far(3)
        return [read("seen"), len(read("large"))]

    bench = bench_of(flow)
    bench.store.put(bench.paths.spec, b"{}")
    assert completed(bench.attempt()) == ["3", 100_000]


def test_its_exception_comes_back() -> None:
    """Rebuilt, with its traceback, as the call's failure; what it saved before stays."""

    def flow() -> str:
        try:
            refuse(7)
        except ValueError as error:
            return repr(error)
        return ""

    bench = bench_of(flow)
    assert completed(bench.attempt()) == "ValueError(7)"
    outcome = bench.history().calls["refuse"].outcome
    assert isinstance(outcome, Raised)
    assert "raise ValueError(number)" in outcome.failure.traceback
    assert outcome.failure.origin is FailureOrigin.USER_CODE
    assert outcome.failure.call == "refuse"
    assert [one.name for one in outcome.saved] == ["seen"]


def test_nested_calls_are_refused_there_too() -> None:
    """In the words that they are refused in elsewhere."""

    def flow() -> str:
        try:
            nest()
        except KitaruContextError as error:
            return str(error)
        return ""

    assert "Nested checkpoint calls are not supported" in completed(bench_of(flow).attempt())


def test_a_process_that_dies_is_a_failure_that_can_be_tried_again() -> None:
    """Origin runtime; retries apply to it."""
    lives = iter([dies, dies, serve])

    def live(channel: ThreadChannel) -> None:
        next(lives)(channel)

    @checkpoint(runtime="isolated", retries=Retry(2, delay=0, jitter=0, retry_on=KitaruIsolationError))
    def fragile() -> int:
        return 5

    def flow() -> int:
        return fragile()

    bench = Bench(flow, isolation=ThreadIsolation(live))
    assert completed(bench.attempt()) == 5
    tried = [record for slot in bench.slots() for record in slot.records if isinstance(record, Tried)]
    assert [one.failure.origin for one in tried] == [FailureOrigin.RUNTIME] * 2
    assert tried[0].failure.message == "The process of fragile exited with code 0 before its function ended."


@pytest.mark.parametrize("colour", ["def", "async"])
def test_it_is_killed_when_its_time_is_up(colour: str) -> None:
    """The body goes on with the timeout."""

    def flow() -> str:
        with suppress(TimeoutError):
            return hang()
        return "gave up"

    async def flow_async() -> str:
        with suppress(TimeoutError):
            return await hang_async()
        return "gave up"

    bench = bench_of(flow if colour == "def" else flow_async)
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(bench.attempt)
        assert HANGS.wait(5)
        while not outcome.done():  # until the other thread has heard that the function began
            bench.clock.advance(5)
        assert completed(outcome.result(5)) == "gave up"


@pytest.mark.parametrize("end", ["stop", "flow's time"])
@pytest.mark.parametrize("colour", ["def", "async"])
def test_it_is_killed_when_the_attempt_ends(colour: str, end: str) -> None:
    """At once, and without an outcome of the call."""

    def flow() -> str:
        return hang()

    async def flow_async() -> str:
        return await hang_async()

    stop = Stop()
    bench = bench_of(flow if colour == "def" else flow_async)
    bench.clock = FakeClock(auto=False)
    bench.timeout = 3
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(bench.attempt, stop=stop)
        assert HANGS.wait(5)
        if end == "stop":
            stop.set("enough")
        else:
            bench.clock.advance(3)
        assert isinstance(outcome.result(5), Interrupted if end == "stop" else Failed)
    (call,) = bench.history().calls.values()
    assert call.outcome is None


def test_a_stack_without_processes_refuses() -> None:
    """With the remedy; nothing ran."""

    def flow() -> None:
        with pytest.raises(KitaruFeatureNotAvailableError, match="leave the runtime out"):
            far(1)

    completed(Bench(flow).attempt())


@pytest.mark.parametrize("runtime", ["Inline", " isolated ", None], ids=str)
def test_runtimes_are_known_in_any_case(runtime: str | None) -> None:
    """None is the default."""
    kitaru.checkpoint(runtime=runtime)(lambda: None)


@pytest.mark.parametrize("runtime", ["docker", ""], ids=["unknown", "empty"])
def test_other_runtimes_are_refused_at_decoration(runtime: str) -> None:
    """In the words of the reference, naming those that there are."""
    with pytest.raises(KitaruUsageError, match=r"Unsupported checkpoint runtime .*: use 'inline' or 'isolated'\."):
        kitaru.checkpoint(runtime=runtime)(lambda: None)
