"""Calls and flows that are tried again, and the pauses between their tries."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from kitaru.backends.memory import FakeClock
from kitaru.checkpoints import checkpoint, current_call
from kitaru.core.journal import Retried, Tried
from kitaru.core.retrying import Retry
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Completed, Failed, Interrupted, Outcome
from kitaru.engine.stop import Stop
from tests.laws.kit import Bench, affect

STEADY = Retry(3, delay=10, backoff=2, max_delay=100, jitter=0)


class BusyError(Exception):
    """A server's refusal, which says when to come back."""

    def __init__(self, seconds: float) -> None:
        super().__init__("busy")
        self.retry_after = seconds


@checkpoint(retries=STEADY)
def third_time(key: int) -> int:
    """Succeed in the third try."""
    affect("third_time", key)
    if current_call().number < 3:
        message = "not yet"
        raise ValueError(message)
    return key


@checkpoint(retries=STEADY)
async def third_time_async(key: int) -> int:
    """Succeed in the third try."""
    affect("third_time_async", key)
    if current_call().number < 3:
        message = "not yet"
        raise ValueError(message)
    return key


@checkpoint(retries=STEADY)
def busy() -> None:
    """Ask for half a minute each time."""
    raise BusyError(30)


@checkpoint(retries=Retry(5, delay=1, jitter=0.5))
def shaky() -> None:
    """Fail always."""
    raise ValueError


@checkpoint(retries=Retry(3, give_up_on=KeyError))
def hopeless() -> None:
    """Fail for good."""
    affect("hopeless", 0)
    raise KeyError


def direct() -> int:
    """Call it in a `def` body."""
    return third_time(1)


def submitted() -> int:
    """Submit it in a `def` body."""
    return third_time.submit(1).result()


async def awaited() -> int:
    """Await it in an async body."""
    return await third_time_async(1)


def beside() -> int:
    """Submit an async one in a `def` body."""
    return third_time_async.submit(1).result()


ALL = pytest.mark.parametrize("flow", [direct, submitted, awaited, beside], ids=lambda one: one.__name__)


def tried(bench: Bench) -> list[Tried]:
    """Return the records of failed tries."""
    return [record for slot in bench.slots() for record in slot.records if isinstance(record, Tried)]


@ALL
def test_pauses_grow_and_are_on_record(flow: Callable[..., UserValue]) -> None:
    """The delays sleep on the clock, and each failed try says how long."""
    bench = Bench(flow)
    assert isinstance(bench.attempt(), Completed)
    assert [one.delay for one in tried(bench)] == [10, 20]
    assert list(bench.clock.slept) == [10, 20]


def test_a_server_may_ask_for_a_longer_pause() -> None:
    """Its Retry-After holds where it is longer than the policy's delay."""

    def flow() -> None:
        busy()

    bench = Bench(flow)
    assert isinstance(bench.attempt(), Failed)
    assert list(bench.clock.slept) == [30, 30, 40]


def test_jitter_comes_from_the_ids() -> None:
    """Two runs with the same ids pause alike, each within its band."""

    def flow() -> None:
        shaky()

    benches = [Bench(flow), Bench(flow)]
    for bench in benches:
        bench.attempt()
    slept = [list(bench.clock.slept) for bench in benches]
    assert slept[0] == slept[1]
    assert all(0.5 * 2**n <= one <= 1.5 * 2**n for n, one in enumerate(slept[0]))
    assert len(set(slept[0])) == 5


def test_what_is_given_up_is_not_tried_again() -> None:
    """One try, and its failure stands."""

    def flow() -> None:
        hopeless()

    bench = Bench(flow)
    assert isinstance(bench.attempt(), Failed)
    assert len(bench.effects) == 1
    assert not tried(bench)


def interrupt(bench: Bench) -> Outcome | None:
    """Make an attempt, and stop it in its first pause."""
    clock, stop = FakeClock(auto=False), Stop()
    bench.clock = clock
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(bench.attempt, stop=stop)
        end = time.monotonic() + 5
        while not clock.slept:
            assert time.monotonic() < end, "waited 5 s for the pause"
            time.sleep(0.001)
        stop.set("enough")
        return outcome.result(5)


@ALL
@pytest.mark.parametrize(
    ("away", "pauses"),
    [
        pytest.param(4, [6, 20], id="soon"),
        pytest.param(50, [20], id="late"),
        pytest.param(-30, [10, 20], id="a clock behind"),
    ],
)
def test_an_interrupted_pause_keeps_the_count(flow: Callable[..., UserValue], away: float, pauses: list[float]) -> None:
    """It ends at once; the next attempt waits for what is left of it, and makes the next try, not the first."""
    bench = Bench(flow)
    assert isinstance(interrupt(bench), Interrupted)
    assert [one.number for one in tried(bench)] == [1]
    bench.clock = FakeClock(bench.clock.now() + timedelta(seconds=away))
    assert isinstance(bench.attempt(), Completed)
    assert [one.number for one in tried(bench)] == [1, 2]
    assert list(bench.clock.slept) == pauses
    assert len(bench.effects) == 3


def test_a_flow_pauses_between_its_own_retries() -> None:
    """By its policy, and by what an interrupted attempt left of a pause (F19)."""
    runs: list[int] = []

    def flow() -> int:
        runs.append(1)
        if len(runs) < 3:
            message = "not yet"
            raise ValueError(message)
        return len(runs)

    bench = Bench(flow, retries=STEADY)
    assert isinstance(interrupt(bench), Interrupted)
    bench.clock = FakeClock(bench.clock.now() + timedelta(seconds=4))
    assert isinstance(bench.attempt(), Completed)
    assert list(bench.clock.slept) == [6, 20]
    retried = [record for slot in bench.slots() for record in slot.records if isinstance(record, Retried)]
    assert [(one.number, one.delay) for one in retried] == [(1, 10), (2, 20)]


@pytest.mark.parametrize("error", [KeyError, SystemExit], ids=["given up", "no Exception"])
def test_a_flow_gives_up_by_its_policy(error: type[BaseException]) -> None:
    """It fails at once."""

    def flow() -> None:
        raise error

    bench = Bench(flow, retries=Retry(3, give_up_on=LookupError))
    assert isinstance(bench.attempt(), Failed)
    assert not bench.clock.slept
