"""How attempts of a `def` flow end: at a wait, by an abort, by a stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
from pydantic import BaseModel

from kitaru.checkpoints import checkpoint
from kitaru.core.head import OpenWait
from kitaru.core.tagged import UserValue
from kitaru.engine import attempt
from kitaru.engine.attempt import Completed, Failed, Interrupted
from kitaru.engine.stop import Stop
from kitaru.waits import wait
from tests.laws.kit import Bench, affect


class Approval(BaseModel):
    """What a person says."""

    approved: bool
    note: str = ""


@checkpoint
def work(key: int) -> int:
    """Do it."""
    affect("work", key)
    return key


def kinds(bench: Bench) -> list[str]:
    """Return the kinds of all records."""
    return [record.kind for slot in bench.slots() for record in slot.records]


def ask() -> str:
    """Ask one question."""
    approval = wait(Approval, name="approve", question="Go?", metadata={"cost": 3})
    return approval.note


def test_abort_ends_the_attempt_and_writes_nothing() -> None:
    """Whoever stored the abort ends the execution; the attempt just goes."""
    bench = Bench(ask)
    bench.attempt()
    before = kinds(bench)
    bench.abort("approve")
    outcome = bench.attempt()
    assert isinstance(outcome, Interrupted)
    assert outcome.why == "wait approve was aborted"
    assert kinds(bench) == [*before, "fence"]


def test_calls_run_on_before_the_attempt_parks() -> None:
    """A submitted call that runs while the body waits is finished first."""

    def flow() -> int:
        future = work.submit(1)
        wait(name="ask")
        return future.result()

    bench = Bench(flow)
    assert isinstance(bench.attempt(), attempt.Parked)
    assert bench.history().calls["work"].finished


def test_no_call_after_the_suspension() -> None:
    """What a `finally` calls after the attempt suspended neither runs nor is recorded."""

    def flow() -> None:
        try:
            wait(name="ask")
        finally:
            work(1)

    bench = Bench(flow)
    assert isinstance(bench.attempt(), attempt.Parked)
    assert not bench.effects
    assert kinds(bench) == ["fence", "wait_opened", "parked"]


def _bare() -> str:
    with suppress(BaseException):
        wait(name="ask")
    return "went on"


def _replaced() -> None:
    try:
        wait(name="ask")
    finally:
        message = "cleaning up"
        raise OSError(message)


@pytest.mark.parametrize("flow", [_bare, _replaced])
def test_swallowed_suspension_is_reported(flow: Callable[[], UserValue]) -> None:
    """A body that swallows the suspension fails, in words that say how to mend it."""
    outcome = Bench(flow).attempt()
    assert isinstance(outcome, Failed)
    assert "except Exception" in outcome.failure.message


def test_answer_that_comes_while_the_body_unwinds() -> None:
    """The body runs again in the same attempt; it does not park with an answer there."""
    runs: list[int] = []

    def flow() -> str:
        runs.append(1)
        try:
            return wait(str, name="ask")
        finally:
            if len(runs) == 1:
                bench.answer("ask", "just in time")

    bench = Bench(flow)
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert outcome.value.data == "just in time"
    assert "parked" not in kinds(bench)


def test_stop_while_it_stays() -> None:
    """A stop ends the attempt without a record; what was done is in the log."""
    stop = Stop()

    def flow() -> None:
        work(1)
        wait(name="ask")

    def staying(_waits: Sequence[OpenWait], _seconds: float) -> bool:
        stop.set("SIGTERM")
        return True

    bench = Bench(flow)
    outcome = bench.attempt(stay=60, staying=staying, stop=stop)
    assert isinstance(outcome, Interrupted)
    assert outcome.why == "SIGTERM"
    assert kinds(bench)[-1] == "idle"


def test_stop_before_the_body_began() -> None:
    """An attempt that is stopped while it opens its journal runs nothing."""
    stop = Stop()
    stop.set("SIGTERM")
    bench = Bench(ask)
    assert isinstance(bench.attempt(stop=stop), Interrupted)
    assert kinds(bench) == ["fence"]


def test_stop_while_a_call_runs() -> None:
    """The call that runs is finished and committed; the body gets no further."""
    stop = Stop()

    @checkpoint
    def last() -> int:
        stop.set("SIGTERM")
        return 1

    def flow() -> int:
        return last() + work(1)

    bench = Bench(flow)
    assert isinstance(bench.attempt(stop=stop), Interrupted)
    assert bench.history().calls["last"].finished
    assert not bench.effects
