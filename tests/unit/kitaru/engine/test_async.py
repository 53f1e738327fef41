"""Async flows: their tasks, their calls, and what they leave behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from kitaru.backends.faults import Request
from kitaru.checkpoints import checkpoint
from kitaru.core.tagged import UserValue
from kitaru.engine import attempt
from kitaru.engine.attempt import Completed, Failed
from kitaru.waits import wait
from tests.laws.kit import Bench, affect


@checkpoint
async def double(number: int) -> int:
    """Double it in a turn of the loop."""
    await asyncio.sleep(0)
    affect("double", number)
    return number * 2


@checkpoint
def block(number: int) -> int:
    """Double it, and block whoever calls."""
    affect("block", number)
    return number * 2


@checkpoint(retries=1)
async def second_time(tries: int) -> int:
    """Fail once, in whichever attempt."""
    affect("second_time", tries)
    if len(_TRIED) < 1:
        _TRIED.append(tries)
        message = "not yet"
        raise ValueError(message)
    return tries


_TRIED: list[int] = []


def kinds(bench: Bench) -> list[str]:
    """Return the kinds of all records."""
    return [record.kind for slot in bench.slots() for record in slot.records]


def completed(bench: Bench) -> UserValue:
    """Attempt once, and return the flow's result as it lies in the journal."""
    outcome = bench.attempt()
    assert isinstance(outcome, Completed), outcome
    return outcome.value.data


def test_gather() -> None:
    """Tasks of the body have scopes of their own, in the order in which it made them."""

    async def flow() -> list[int]:
        return await asyncio.gather(*(double(one) for one in range(3)))

    bench = Bench(flow)
    assert completed(bench) == [0, 2, 4]
    places = [one.place for one in bench.history().calls.values()]
    assert [(one.scope, one.occurrence) for one in places] == [("1", 1), ("2", 1), ("3", 1)]


def test_scopes_are_nested() -> None:
    """A task of a task is named after it; calls of one name are counted within each."""

    async def inner() -> int:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(double(1))
        return task.result() + await double(2) + await double(3)

    async def flow() -> int:
        return await asyncio.create_task(inner()) + await double(4)

    bench = Bench(flow)
    assert completed(bench) == 20
    places = [one.place for one in bench.history().calls.values()]
    assert [(one.scope, one.occurrence) for one in places] == [("1.1", 1), ("1", 1), ("1", 2), ("", 1)]


def test_def_checkpoints_in_an_async_flow() -> None:
    """Called directly they block the loop, submitted they run beside it."""

    async def flow() -> list[int]:
        futures = [block.submit(one) for one in (2, 3)]
        return [block(1), *await asyncio.gather(*futures), await double.submit(4)]

    assert completed(Bench(flow)) == [2, 4, 6, 8]


def test_futures_as_arguments() -> None:
    """A future among the arguments of an async call is awaited first."""

    async def flow() -> UserValue:
        return [await double.submit(double.submit(1)), await double.map([1, 2])]

    assert completed(Bench(flow)) == [4, [2, 4]]


def test_retries() -> None:
    """An async call is tried again too."""
    _TRIED.clear()

    async def flow() -> int:
        return await second_time(3)

    bench = Bench(flow)
    assert completed(bench) == 3
    assert [one.name for one in bench.effects] == ["second_time"] * 2


def test_result_of_an_unfinished_future_is_refused_on_the_loop() -> None:
    """It would block all tasks: the message says to await."""

    async def flow() -> int:
        return double.submit(1).result()

    outcome = Bench(flow).attempt()
    assert isinstance(outcome, Failed)
    assert "await the future" in outcome.failure.message


def test_wait_is_awaited() -> None:
    """A blocking wait on the loop is refused, with the line to write instead."""

    async def flow() -> str:
        return wait(str, name="ask")

    outcome = Bench(flow).attempt()
    assert isinstance(outcome, Failed)
    assert "await kitaru.wait.submit(name='ask', ...)" in outcome.failure.message


def test_calls_that_finish_together_share_a_slot() -> None:
    """While a slot is on its way to the store, the next one fills."""
    all_done = threading.Event()

    @checkpoint
    async def count() -> int:
        done.append(1)
        if len(done) == 50:
            # Not before this call, too, has handed in its end.
            asyncio.get_running_loop().call_soon(all_done.set)
        return len(done)

    async def flow() -> None:
        await asyncio.gather(*(count() for _ in range(50)))

    def slow_store(request: Request) -> None:
        if request.operation == "create" and request.key == bench.paths.slot(1):
            all_done.wait(5)

    done: list[int] = []
    bench = Bench(flow)
    assert isinstance(bench.attempt(lambda _: slow_store), Completed)
    assert len(bench.slots()) == 4


def _task_left_behind() -> Callable[[], UserValue]:
    async def late() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await double(1)

    async def flow() -> str:
        left.append(asyncio.create_task(late()))
        await asyncio.sleep(0)
        return "done"

    left: list[asyncio.Task[None]] = []
    return flow


def test_task_left_behind_makes_no_calls() -> None:
    """A task that outlives the body is cancelled, and its clean-up makes no Kitaru call."""
    bench = Bench(_task_left_behind())
    assert completed(bench) == "done"
    assert not bench.effects


def test_endless_task_left_behind_ends() -> None:
    """A task that makes calls for ever does not outlive the body, submitted calls do."""

    async def endless() -> None:
        while True:
            await double(1)

    async def flow() -> str:
        left.append(asyncio.create_task(endless()))
        await double(2)
        double.submit(double.submit(3))
        return "done"

    left: list[asyncio.Task[None]] = []
    bench = Bench(flow)
    assert completed(bench) == "done"
    assert [one.key for one in bench.effects if one.key > 1] == [2, 3, 6]


def test_exit_of_the_body() -> None:
    """sys.exit in a body fails the flow, as an exception does."""

    async def flow() -> None:
        await double(1)
        raise SystemExit(3)

    outcome = Bench(flow).attempt()
    assert isinstance(outcome, Failed)
    assert outcome.failure.type == "SystemExit"


def test_branches_in_another_order_keep_their_results() -> None:
    """What the first attempt finished in one order is reused in another."""
    order = [3, 1, 2]

    async def flow() -> list[int]:
        found = {one: asyncio.ensure_future(double(one)) for one in order}
        await asyncio.wait(found.values())
        await wait.submit(name="ask")
        return [found[one].result() for one in (1, 2, 3)]

    bench = Bench(flow)
    assert isinstance(bench.attempt(), attempt.Parked)
    order.reverse()
    bench.answer("ask", None)
    assert completed(bench) == [2, 4, 6]
    assert len(bench.effects) == 3


@pytest.mark.parametrize("caught", [True, False])
def test_failure_in_a_task_group(*, caught: bool) -> None:
    """A group's exception is kept with its members, whether the body catches it or not."""

    @checkpoint
    async def boom() -> None:
        message = "no"
        raise ValueError(message)

    async def flow() -> str:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(boom())
        except* ValueError:
            if not caught:
                raise
        return "caught"

    outcome = Bench(flow).attempt()
    if caught:
        assert isinstance(outcome, Completed)
    else:
        assert isinstance(outcome, Failed)
        assert [one.call for one in outcome.failure.group] == ["boom"]
