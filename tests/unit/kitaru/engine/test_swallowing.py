"""Code that catches what ends it, and goes on: the attempt ends right, and somebody is told what to change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from kitaru.checkpoints import checkpoint, current_call
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Completed, Failed, Interrupted, Parked
from kitaru.engine.stop import Stop
from kitaru.logs import log
from kitaru.waits import wait
from tests.laws.kit import Bench

STOPS: dict[str, Stop] = {}


@checkpoint
def work(key: int) -> int:
    """Do nothing much."""
    return key


@checkpoint
def stopping() -> int:
    """Have somebody stop the attempt while it runs."""
    STOPS["now"].set("enough")
    return 1


def told(bench: Bench) -> list[str]:
    """Return what was reported of code that goes on."""
    return [str(line["message"]) for line in bench.lines.lines if line.get("event") == "swallowed"]


def stopped(flow: Callable[..., UserValue]) -> Bench:
    """Return a bench whose attempt at the flow was stopped."""
    STOPS["now"] = stop = Stop()
    bench = Bench(flow)
    assert isinstance(bench.attempt(stop=stop), Interrupted)
    return bench


def swallows() -> str:
    """Go on after the end."""
    with suppress(BaseException):
        stopping()
    return "went on"


def replaces() -> str:
    """Raise something else."""
    try:
        stopping()
    finally:
        raise OSError


def insists() -> str:
    """Go on for long."""
    for _ in range(200):
        with suppress(BaseException):
            stopping()
    return "went on"


def listens() -> str:
    """Clean up, and end."""
    try:
        stopping()
    finally:
        with suppress(OSError):
            work(2)
    return "not reached"


def ends() -> int:
    """Return without having been told."""
    return 1


@pytest.mark.parametrize(
    ("flow", "words"),
    [
        pytest.param(swallows, ["returned"], id="swallowed"),
        pytest.param(replaces, ["raised OSError"], id="replaced"),
        pytest.param(insists, ["100 Kitaru calls more", "returned"], id="goes on and on"),
        pytest.param(listens, [], id="listens"),
    ],
)
def test_a_body_that_goes_on_after_a_stop_is_reported(flow: Callable[..., UserValue], words: list[str]) -> None:
    """The line names the flow and what to change; nothing of what it did then counts."""
    bench = stopped(flow)
    found = told(bench)
    assert len(found) == len(words)
    for line, word in zip(found, words, strict=True):
        assert f"flow {flow.__name__}" in line
        assert word in line
        assert "by `except Exception:`" in line
    assert list(bench.history().calls) == ["stopping"]


def test_a_body_that_swallows_its_suspension_is_reported_by_name() -> None:
    """In the failure, and in a line."""

    def bare() -> str:
        with suppress(BaseException):
            wait(name="ask")
        return "went on"

    bench = Bench(bare)
    outcome = bench.attempt()
    assert isinstance(outcome, Failed)
    assert "flow bare" in outcome.failure.message
    assert "flow bare" in told(bench)[0]


def test_a_body_that_ends_as_it_is_told_is_not_reported() -> None:
    """Neither one that parks, nor one that completes."""

    def asks() -> None:
        wait(name="ask")

    parked, completed = Bench(asks), Bench(ends)
    assert isinstance(parked.attempt(), Parked)
    assert isinstance(completed.attempt(), Completed)
    assert told(parked) == told(completed) == []


def test_a_checkpoint_that_goes_on_is_reported() -> None:
    """Its Kitaru calls raised, it caught that, and returned; what it returned is discarded with the attempt."""

    @checkpoint
    def deaf() -> str:
        STOPS["now"].set("enough")
        with suppress(BaseException):
            log(more=1)
        with suppress(BaseException):
            current_call()
        return "went on"

    def flow() -> str:
        return deaf()

    (line,) = told(stopped(flow))
    assert line.startswith("checkpoint deaf caught kitaru.errors.Cancelled")


def test_a_coroutine_that_goes_on_is_reported() -> None:
    """It was cancelled by its body, and returned all the same."""

    @checkpoint
    async def deaf() -> str:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return "went on"

    async def flow() -> str:
        task = asyncio.ensure_future(deaf())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        return "done"

    bench = Bench(flow)
    assert isinstance(bench.attempt(), Completed)
    (line,) = told(bench)
    assert line.startswith("checkpoint deaf caught asyncio.CancelledError")


def test_a_coroutine_in_a_cancelled_tasks_clean_up_is_not_reported() -> None:
    """It was not told to end itself."""

    @checkpoint
    async def tidy() -> str:
        await asyncio.sleep(0)
        return "tidied"

    async def branch() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await tidy()

    async def flow() -> str:
        task = asyncio.ensure_future(branch())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        return "done"

    bench = Bench(flow)
    assert isinstance(bench.attempt(), Completed)
    assert told(bench) == []
    assert bench.history().calls["tidy"].finished
