"""Answers that fit the schema of their wait, and then not its type."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import AfterValidator

from kitaru.checkpoints import checkpoint
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Completed, Failed, Parked
from kitaru.waits import wait
from tests.laws.kit import Bench, affect


def _even(number: int) -> int:
    if number % 2:
        message = "must be even"
        raise ValueError(message)
    return number


@checkpoint
def work() -> None:
    """Do it."""
    affect("work", 0)


def flow() -> UserValue:
    """Ask for an even number, after some work."""
    work()
    return wait(Annotated[int, AfterValidator(_even)], name="number")


@pytest.mark.parametrize("retries", [0, 1], ids=["granted", "own"])
def test_retry_asks_again(retries: int) -> None:
    """A retry asks the wait again whose answer its type refused, and does no work twice."""
    bench = Bench(flow, retries=retries)
    bench.attempt()
    bench.answer("number", 3)
    outcome = bench.attempt()
    if not retries:
        assert isinstance(outcome, Failed)
        assert "number does not fit" in outcome.failure.message
        outcome = bench.attempt()
    assert isinstance(outcome, Parked), outcome
    assert [one.id for one in outcome.waits] == ["number_2"]
    bench.answer("number_2", 4)
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert outcome.value.data == 4
    assert len(bench.effects) == 1


def test_other_answers_are_kept() -> None:
    """A retry after another failure asks nothing again."""
    broken = [True]

    @checkpoint
    def fragile() -> None:
        if broken:
            message = "broken"
            raise ValueError(message)

    def asking() -> UserValue:
        found = flow()
        fragile()
        return found

    bench = Bench(asking)
    bench.attempt()
    bench.answer("number", 4)
    assert isinstance(bench.attempt(), Failed)
    broken.clear()
    assert isinstance(bench.attempt(), Completed)
