"""New code under an old recording: what is noticed, how it is shown, and what is not taken for a divergence."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from kitaru.checkpoints import checkpoint
from kitaru.core.head import State
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Completed, Failed
from kitaru.errors import FailureOrigin
from tests.laws.kit import Bench, affect


@checkpoint
def step(key: int) -> int:
    """Do it."""
    affect("step", key)
    return key


@checkpoint
def other(key: int) -> int:
    """Do something else."""
    affect("other", key)
    return key


@checkpoint
def last(key: int) -> int:
    """The call that is replayed from."""
    affect("last", key)
    return key


@checkpoint
async def awaited(key: int) -> int:
    """Do it in a task."""
    await asyncio.sleep(0)
    affect("awaited", key)
    return key


def recorded() -> int:
    """The code that was recorded."""
    return last(step(1) + step(2))


def inserted() -> int:
    """A call of another checkpoint is new."""
    return last(step(1) + other(1) * 0 + step(2))


def inserted_alike() -> int:
    """A call of the same checkpoint is new, before all others."""
    return last(step(7) * 0 + step(1) + step(2))


def deleted() -> int:
    """A call is gone."""
    return last(step(2) + 1)


def deleted_last() -> int:
    """The call just before the frontier is gone."""
    return last(step(1) + 2)


def renamed() -> int:
    """A call is one of another checkpoint now."""
    return last(step(1) + other(2))


def stopped() -> int:
    """The body ends before the frontier."""
    return step(1)


def swapped() -> int:
    """Calls come in another order, with the same inputs."""
    second = step(2)
    return last(step(1) + second)


def changed() -> int:
    """A call at its place has other inputs."""
    return last(step(1) + step(3) * 0 + 2)


def extended() -> int:
    """Something comes after the frontier."""
    return other(last(step(1) + step(2)))


def source(flow: Callable[..., UserValue] = recorded) -> Bench:
    """Return an execution that was run once."""
    bench = Bench(flow)
    assert isinstance(bench.attempt(), Completed)
    return bench


DIVERGING = {
    inserted: "before last, this code calls other, which was not called so",
    inserted_alike: "before last, this code calls step, which was not called so",
    deleted: "before last, this code does not call step, which was called",
    deleted_last: "before last, this code does not call step_2, which was called",
    renamed: "before last, this code calls other, which was not called so",
    stopped: "before last, this code does not call step_2, which was called",
}


@pytest.mark.parametrize("flow", DIVERGING, ids=lambda one: one.__name__)
def test_divergence(flow: Callable[..., UserValue]) -> None:
    """A call that the recording lacks, or one that the code lacks, fails the replay before anything runs."""
    bench = source().replayed("last", flow=flow)
    outcome = bench.attempt()
    assert isinstance(outcome, Failed)
    assert outcome.failure.origin is FailureOrigin.DIVERGENCE
    assert outcome.failure.type == "kitaru.errors.KitaruDivergenceError"
    assert DIVERGING[flow] in outcome.failure.message
    assert bench.effects == []


CONVERGING = {swapped: ["last"], changed: ["last"], extended: ["last", "other"]}


@pytest.mark.parametrize("flow", CONVERGING, ids=lambda one: one.__name__)
def test_no_divergence(flow: Callable[..., UserValue]) -> None:
    """Another order, other inputs at a place and new calls behind the frontier are none."""
    bench = source().replayed("last", flow=flow)
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert outcome.value.data == 3
    assert [one.name for one in bench.effects] == CONVERGING[flow]


def test_the_sequences_are_shown_side_by_side() -> None:
    """Recorded calls on the left, those of the code on the right, differences marked."""
    outcome = source().replayed("last", flow=renamed).attempt()
    assert isinstance(outcome, Failed)
    assert (
        "  recorded    this code\n  step        step\n- step\n+             other\n  last        (not reached)\n"
    ) in outcome.failure.message


def test_a_body_that_catches_everything_still_diverges() -> None:
    """What it is told is no `Exception`, and what it returns afterwards does not count."""

    def flow() -> int:
        with contextlib.suppress(Exception):
            return inserted()
        return 0

    outcome = source().replayed("last", flow=flow).attempt()
    assert isinstance(outcome, Failed)
    assert outcome.failure.origin is FailureOrigin.DIVERGENCE


def test_a_retry_with_mended_code_goes_on() -> None:
    """A diverged replay is tried again with code that makes the recorded calls."""
    bench = source().replayed("last", flow=renamed)
    assert isinstance(bench.attempt(), Failed)
    bench.flow = recorded
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert outcome.head.state is State.COMPLETED
    assert [one.name for one in bench.effects] == ["last"]


def given() -> int:
    """Take another way when the first step's output says so."""
    return last(step(1) + step(2)) if step(0) == 0 else last(other(5))


def test_a_given_output_may_lead_elsewhere() -> None:
    """Behind what the replay changes, other calls are no divergence."""
    bench = source(given).replayed("last", outputs={"step": 9})
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert [one.name for one in bench.effects] == ["other", "last"]


async def tasks() -> int:
    """Two tasks, then the call."""
    return last(sum(await asyncio.gather(awaited(1), awaited(2))))


async def other_tasks() -> int:
    """One of the tasks makes another call."""
    return last(sum(await asyncio.gather(awaited(1), awaited(3))))


async def fewer_tasks() -> int:
    """One of the tasks is gone."""
    return last(await awaited(1) + 2)


@pytest.mark.parametrize("flow", [other_tasks, fewer_tasks], ids=lambda one: one.__name__)
def test_divergence_in_tasks(flow: Callable[..., UserValue]) -> None:
    """Side by side, other inputs are another call; a task that is gone is noticed at the end at the latest."""
    bench = source(tasks).replayed("last", flow=flow)
    outcome = bench.attempt()
    assert isinstance(outcome, Failed)
    assert outcome.failure.origin is FailureOrigin.DIVERGENCE
