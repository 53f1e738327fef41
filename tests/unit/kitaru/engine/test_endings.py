"""How an attempt ends when its journal does."""

from __future__ import annotations

import pytest

from kitaru.backends.faults import Fault, Request, denied, unreachable
from kitaru.backends.log import ObjectJournal
from kitaru.backends.memory import FakeClock, MemoryStore, SequentialIds
from kitaru.backends.values import ObjectArtifacts, ObjectHistories
from kitaru.checkpoints import checkpoint
from kitaru.core import failures, paths
from kitaru.core.head import State
from kitaru.core.protocol.writer import Identity
from kitaru.engine import attempt
from kitaru.engine.attempt import Closed, Completed, Failed, Interrupted, World
from kitaru.engine.staying import Polling
from kitaru.errors import FailureOrigin
from tests.laws.kit import Bench, Lines, affect


@checkpoint
def work(key: int) -> int:
    """Do it."""
    affect("work", key)
    return key


@checkpoint
def grow(size: int) -> str:
    """Return a large value."""
    affect("grow", size)
    return "x" * size


def flow() -> int:
    """Make three calls."""
    return work(1) + work(2) + work(3)


def large() -> int:
    """Make calls with large results."""
    return len(grow(100_000)) + len(grow(100_001))


def test_overtaken_attempt_ends_quietly() -> None:
    """A newer attempt holds the journal: the older one makes no further call."""
    bench = Bench(flow)

    def overtake(request: Request) -> Fault | None:
        if request.key == bench.paths.slot(2) and bench.epoch == 1:
            assert isinstance(bench.attempt(), Completed)
        return None

    outcome = bench.attempt(lambda _: overtake)
    assert isinstance(outcome, Closed)
    assert outcome.why == "a newer attempt holds the journal"
    assert [(one.epoch, one.key) for one in bench.effects] == [(1, 1), (1, 2), (2, 2), (2, 3)]


def test_attempt_at_a_finished_execution_runs_nothing() -> None:
    """It is told so, with the head of the log."""
    bench = Bench(flow)
    bench.attempt()
    outcome = bench.attempt()
    assert isinstance(outcome, Closed)
    assert outcome.head.state is State.COMPLETED
    assert len(bench.effects) == 3


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        pytest.param(unreachable(), "store", id="away"),
        pytest.param(denied(), "refused the credentials", id="denied"),
    ],
)
@pytest.mark.parametrize("key", ["log/", "artifacts/"])
def test_store_that_stays_away_interrupts(fault: Fault, word: str, key: str) -> None:
    """The attempt ends without a record, and the next one goes on after the last finished call."""
    bench = Bench(large)

    def away(request: Request) -> Fault | None:
        wanted = request.writes and key in request.key and "epoch" not in request.key
        first = bench.paths.slot(0)
        return fault if wanted and request.key != first and bench.effects else None

    outcome = bench.attempt(lambda _: away)
    assert isinstance(outcome, Interrupted)
    assert word in outcome.why
    assert isinstance(bench.attempt(), Completed)


def test_large_results_are_reused() -> None:
    """A replay fetches what lies in artifacts."""
    bench = Bench(large)

    def dies(request: Request) -> Fault | None:
        return unreachable() if request.key == bench.paths.slot(3) else None

    assert isinstance(bench.attempt(lambda _: dies), Interrupted)
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert outcome.value.data == 200_001
    assert len(bench.effects) == 2


def test_artifact_that_is_gone() -> None:
    """The flow fails, with the store as the origin."""
    bench = Bench(large)

    def dies(request: Request) -> Fault | None:
        return unreachable() if request.key == bench.paths.slot(2) else None

    bench.attempt(lambda _: dies)
    for info in bench.store.list(bench.paths.artifact("")):
        bench.store.delete(info.key)
    outcome = bench.attempt()
    assert isinstance(outcome, Failed)
    assert outcome.failure.origin is FailureOrigin.BACKEND
    assert "restore it from a backup" in outcome.failure.message


def test_flow_that_cannot_be_loaded() -> None:
    """The attempt fails without running anything; one after it fails alike."""
    store, clock, where = MemoryStore(), FakeClock(), paths.execution("", "test", "one")
    for epoch in (1, 2):
        identity = Identity(epoch=epoch, writer=f"w{epoch}", allowance=1)
        world = World(
            journal=ObjectJournal(store, where, identity, clock),
            artifacts=ObjectArtifacts(store, where),
            histories=ObjectHistories(store, lambda _: where),
            telemetry=Lines(),
            clock=clock,
            ids=SequentialIds(epoch),
            stay=Polling(clock),
        )
        outcome = attempt.fail(world, failures.describe(ModuleNotFoundError("no module flows")))
        assert isinstance(outcome, Failed)
        assert outcome.head.failures == epoch
    assert isinstance(attempt.fail(world, failures.describe(ValueError())), Closed)
