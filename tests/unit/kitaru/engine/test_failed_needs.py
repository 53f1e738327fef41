"""Submitted calls that need a call which failed."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from kitaru.checkpoints import checkpoint
from kitaru.engine.attempt import Completed, Failed
from kitaru.engine.futures import Future
from tests.laws.kit import Bench


@checkpoint
def slow_boom() -> int:
    """Fail, after a while."""
    time.sleep(0.05)
    message = "boom"
    raise ValueError(message)


@checkpoint
def use(value: int) -> int:
    """Return it."""
    return value


def _as_argument(failing: Future[int]) -> Future[int]:
    return use.submit(failing)


def _after(failing: Future[int]) -> Future[int]:
    return use.submit(1, after=[failing])


@pytest.mark.parametrize(
    "submit",
    [pytest.param(_as_argument, id="argument"), pytest.param(_after, id="after")],
)
def test_failed_need_is_the_future_s_outcome(submit: Callable[[Future[int]], Future[int]]) -> None:
    """What the needed call raised comes by the future, whether it failed before or after the submit."""
    broken = [True]

    @checkpoint
    def last() -> None:
        if broken:
            message = "later"
            raise RuntimeError(message)

    def flow() -> str:
        future = submit(slow_boom.submit())
        try:
            future.result()
        except ValueError:
            found = "caught"
        else:
            found = "missed"
        last()
        return found

    bench = Bench(flow)
    first = bench.attempt()
    assert isinstance(first, Failed)
    assert first.failure.message == "later"
    broken.clear()
    second = bench.attempt()
    assert isinstance(second, Completed), second
    assert second.value.data == "caught"
