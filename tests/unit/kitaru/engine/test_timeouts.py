"""Time limits of checkpoints and of flows."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest

import kitaru
from kitaru.artifacts import save
from kitaru.backends.memory import FakeClock
from kitaru.checkpoints import checkpoint, current_call
from kitaru.core.head import OpenWait
from kitaru.core.journal import Raised
from kitaru.core.retrying import Retry
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Completed, Failed, Outcome, Parked
from kitaru.errors import Cancelled, FailureOrigin, KitaruTimeoutError, KitaruUsageError
from kitaru.logs import log
from kitaru.waits import wait
from tests.laws.kit import Bench

#: The clock of the test that runs, and what its bodies that outlive their time wait for.
CLOCKS: dict[str, FakeClock] = {}
RELEASED = threading.Event()


@pytest.fixture(autouse=True)
def released() -> Iterator[None]:
    """Let the threads end that a test left behind."""
    RELEASED.clear()
    yield
    RELEASED.set()


def pass_time(seconds: float) -> None:
    """Take so long, in a checkpoint's or a flow's body."""
    CLOCKS["now"].advance(seconds)


@checkpoint(timeout=5)
def slow(seconds: float) -> str:
    """Take so long, and then a while longer."""
    pass_time(seconds)
    if seconds >= 5:
        RELEASED.wait(5)
    return "done"


@checkpoint(timeout=timedelta(seconds=5))
async def slow_async(seconds: float) -> str:
    """Take so long, and then a while longer."""
    pass_time(seconds)
    if seconds >= 5:
        await asyncio.Event().wait()
    return "done"


def direct(seconds: float) -> str:
    """Call it in a `def` body."""
    try:
        return slow(seconds)
    except TimeoutError as error:
        return str(error)


def submitted(seconds: float) -> str:
    """Submit it in a `def` body."""
    try:
        return slow.submit(seconds).result()
    except TimeoutError as error:
        return str(error)


async def awaited(seconds: float) -> str:
    """Await it in an async body."""
    try:
        return await slow_async(seconds)
    except TimeoutError as error:
        return str(error)


def beside(seconds: float) -> str:
    """Submit an async one in a `def` body."""
    try:
        return slow_async.submit(seconds).result()
    except TimeoutError as error:
        return str(error)


async def blocking(seconds: float) -> str:
    """Call a `def` checkpoint in an async body."""
    return direct(seconds)


ALL = pytest.mark.parametrize("flow", [direct, submitted, awaited, beside, blocking], ids=lambda one: one.__name__)


def bench_of(flow: Callable[..., UserValue], **inputs: float) -> Bench:
    """Return a bench whose clock the bodies turn."""
    bench = Bench(flow, inputs)
    CLOCKS["now"] = bench.clock
    return bench


def completed(outcome: Outcome | None) -> UserValue:
    """Return what the flow returned."""
    assert isinstance(outcome, Completed), outcome
    return outcome.value.data


@ALL
def test_a_call_in_time_returns(flow: Callable[..., UserValue]) -> None:
    """A limit that is not reached changes nothing."""
    assert completed(bench_of(flow, seconds=4.9).attempt()) == "done"


@ALL
def test_a_call_that_takes_too_long_fails(flow: Callable[..., UserValue]) -> None:
    """The body catches a `TimeoutError`, which is on record as the call's failure, of the runtime's origin."""
    bench = bench_of(flow, seconds=5)
    said = completed(bench.attempt())
    (call,) = bench.history().calls.values()
    assert said == f"{call.id} took longer than its timeout of 5 s."
    assert isinstance(call.outcome, Raised)
    assert call.outcome.failure.type == "kitaru.errors.KitaruTimeoutError"
    assert call.outcome.failure.origin is FailureOrigin.RUNTIME


def test_the_failure_is_raised_again_by_a_later_attempt() -> None:
    """With its limit, as an exception of the same class."""

    def asked(seconds: float) -> list[UserValue]:
        try:
            slow(seconds)
        except KitaruTimeoutError as error:
            wait(name="ask")
            return [error.timeout, error.retryable, error.code]
        return []

    bench = bench_of(asked, seconds=5)
    assert isinstance(bench.attempt(), Parked)
    bench.answer("ask", None)
    assert completed(bench.attempt()) == [5.0, True, "timeout"]


def test_each_try_has_the_whole_time() -> None:
    """A limit is that of a try; `KitaruTimeoutError` is tried again like other exceptions."""

    @checkpoint(timeout=5, retries=Retry(2, delay=0, jitter=0, retry_on=TimeoutError))
    def second_time() -> int:
        pass_time(4 if current_call().number == 2 else 5)
        if current_call().number != 2:
            RELEASED.wait(5)
        return current_call().number

    def flow() -> int:
        return second_time()

    assert completed(bench_of(flow).attempt()) == 2


def test_what_a_given_up_call_does_is_discarded() -> None:
    """Its Kitaru calls raise, and what it returns is nobody's; what it saved before its time was up stays."""
    told: list[str] = []
    over = threading.Event()

    @checkpoint(timeout=5)
    def hold() -> str:
        save("before", 1)
        pass_time(5)
        RELEASED.wait(5)
        for call in (lambda: save("after", 2), lambda: log(after=2), current_call):
            with suppress(Cancelled):
                call()
                told.append("passed")
        over.set()
        return "late"

    def flow() -> str:
        try:
            return hold()
        except TimeoutError:
            RELEASED.set()
            assert over.wait(5)
            return "gave up"

    bench = bench_of(flow)
    assert completed(bench.attempt()) == "gave up"
    outcome = bench.history().calls["hold"].outcome
    assert isinstance(outcome, Raised)
    assert [one.name for one in outcome.saved] == ["before"]
    assert not outcome.logged
    assert not told


def test_a_coroutine_is_cancelled() -> None:
    """Its clean-up runs before the body goes on."""
    seen: list[str] = []

    @checkpoint(timeout=5)
    async def tidy() -> None:
        pass_time(5)
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cleaned up")

    async def flow() -> list[str]:
        with suppress(TimeoutError):
            await tidy()
        return [*seen, "went on"]

    assert completed(bench_of(flow).attempt()) == ["cleaned up", "went on"]


def test_a_bodys_own_timeout_cancels_a_call_with_a_limit() -> None:
    """`asyncio.timeout` around a call is the body's, and no failure of the call."""

    @checkpoint(timeout=1000)
    async def long() -> None:
        await asyncio.Event().wait()

    async def flow() -> str:
        try:
            async with asyncio.timeout(0.01):
                await long()
        except TimeoutError as error:
            return type(error).__name__
        return ""

    bench = bench_of(flow)
    assert completed(bench.attempt()) == "TimeoutError"
    assert bench.history().calls["long"].outcome is None


@pytest.mark.parametrize("decorator", [kitaru.checkpoint, kitaru.flow], ids=["checkpoint", "flow"])
@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), timedelta(0), "5", True], ids=str)
def test_wrong_limits_are_refused_at_decoration(decorator: Callable[..., UserValue], timeout: UserValue) -> None:
    """A limit is more than no seconds, and ends."""
    with pytest.raises(KitaruUsageError, match="timeout"):
        decorator(timeout=timeout)(lambda: None)


@checkpoint
def work(seconds: float) -> float:
    """Take so long."""
    pass_time(seconds)
    return seconds


@checkpoint
async def hang() -> None:
    """Let the flow's time pass, and wait for ever."""
    pass_time(100)
    await asyncio.Event().wait()


def failure_of(outcome: Outcome | None) -> str:
    """Return how the flow failed, if its time was up."""
    assert isinstance(outcome, Failed), outcome
    assert outcome.failure.origin is FailureOrigin.RUNTIME
    assert outcome.failure.type == "kitaru.errors.KitaruTimeoutError"
    return outcome.failure.message


def test_a_flow_ends_when_its_time_is_up() -> None:
    """At its next Kitaru call, with no further checkpoint."""

    def flow() -> float:
        return work(6) + work(6) + work(6)

    bench = bench_of(flow)
    bench.timeout = 10
    assert failure_of(bench.attempt()) == "flow ran longer than its timeout of 10 s, waiting not counted."
    assert len(bench.history().calls) == 2
    assert bench.slots()[-1].records[-1].kind == "failed"


def test_a_flow_gives_up_the_call_that_runs() -> None:
    """A `def` checkpoint's thread is left behind; it writes nothing more."""

    @checkpoint
    def stuck() -> str:
        pass_time(100)
        RELEASED.wait(5)
        return "late"

    def flow() -> str:
        return stuck()

    bench = bench_of(flow)
    bench.timeout = 10
    failure_of(bench.attempt())
    RELEASED.set()
    assert bench.slots()[-1].records[-1].kind == "failed"
    assert bench.history().calls["stuck"].outcome is None


@pytest.mark.parametrize("colour", ["def", "async"])
def test_a_flow_cancels_its_coroutines(colour: str) -> None:
    """Those that the body awaits, and those that a `def` body submitted."""

    async def awaits() -> None:
        await hang()

    def submits() -> None:
        hang.submit().result()

    bench = bench_of(awaits if colour == "async" else submits)
    bench.timeout = 10
    failure_of(bench.attempt())


def test_a_flows_own_retries_share_its_time() -> None:
    """They do not begin anew."""

    def flow() -> float:
        work.submit(6).result()
        raise ValueError

    bench = bench_of(flow)
    bench.retries, bench.timeout = Retry(9, delay=3, jitter=0), 10
    failure_of(bench.attempt())


def test_waiting_is_no_running() -> None:
    """Neither while the runner stays, nor while the execution is parked; the time before and after counts."""

    def flow() -> float:
        work(6)
        wait(name="ask")
        work(3)
        wait(name="again")
        return work(3)

    def staying(_waits: Sequence[OpenWait], seconds: float) -> bool:
        bench.clock.advance(min(seconds, 50))
        return seconds > 50

    bench = bench_of(flow)
    bench.timeout = 10
    assert isinstance(bench.attempt(stay=200, staying=staying), Parked)
    bench.advance(1000)
    bench.answer("ask", None)
    assert isinstance(bench.attempt(), Parked)
    bench.answer("again", None)
    failure_of(bench.attempt())


def test_a_granted_retry_has_the_whole_time_again() -> None:
    """An execution that failed since its time was up can be tried again."""

    def flow() -> float:
        return work(6) + work(6) + work(4)

    bench = bench_of(flow)
    bench.timeout = 10
    failure_of(bench.attempt())
    assert completed(bench.attempt()) == 16


def test_a_pause_of_a_call_ends_with_the_flows_time() -> None:
    """A call that is about to be tried again is not waited for."""

    @checkpoint(retries=Retry(3, delay=1000, max_delay=1000, jitter=0))
    def failing() -> None:
        raise ValueError

    def flow() -> None:
        failing()

    clock = FakeClock(auto=False)
    bench = Bench(flow, clock=clock, timeout=10)
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(bench.attempt)
        end = time.monotonic() + 5
        while not clock.slept:
            assert time.monotonic() < end, "waited 5 s for the pause"
            time.sleep(0.001)
        clock.advance(10)
        failure_of(outcome.result(5))
