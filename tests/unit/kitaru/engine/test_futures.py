"""What futures of calls and waits offer."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable

import pytest

from kitaru.checkpoints import checkpoint, unmapped
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Completed
from kitaru.errors import KitaruContextError, KitaruUsageError
from kitaru.waits import wait
from tests.laws.kit import Bench, affect


@checkpoint
def double(number: int) -> int:
    """Double it."""
    affect("double", number)
    return number * 2


@checkpoint
def pair(number: int) -> tuple[int, str]:
    """Return two parts."""
    return number, str(number)


@checkpoint
def add(numbers: list[int], more: int = 0) -> int:
    """Add them up."""
    return sum(numbers) + more


@checkpoint
def refuse() -> int:
    """Fail."""
    raise ValueError


@checkpoint
async def later(number: int) -> int:
    """Double it, in a while."""
    await asyncio.sleep(0)
    return number * 2


def complete(flow: Callable[..., UserValue]) -> UserValue:
    """Run the flow to its end and return its result."""
    outcome = Bench(flow).attempt()
    assert isinstance(outcome, Completed), outcome
    return outcome.value.data


def test_a_future_tells_whether_it_runs() -> None:
    """Until its result is there; waiting for it returns nothing."""
    begin = threading.Event()

    @checkpoint
    def hold() -> int:
        begin.wait(5)
        return 1

    def flow() -> list[UserValue]:
        future = hold.submit()
        before = [future.running(), future.done()]
        begin.set()
        return [*before, future.wait(), future.running(), future.done(), future.load()]

    assert complete(flow) == [True, False, None, False, True, 1]


def test_waiting_raises_what_the_call_raised() -> None:
    """As `result` and `load` do, for one future and for several."""

    def flow() -> int:
        one = refuse.submit()
        many = double.map([1, 2])
        many.futures.append(one)
        for ask in (one.wait, one.result, one.load, many.wait, many.result, many.load):
            with pytest.raises(ValueError, match=r"^$"):
                ask()
        return 1

    assert complete(flow) == 1


def test_a_future_knows_its_calls_id() -> None:
    """Given ids and made ones; that of a call with a future argument once that is there."""

    def flow() -> list[str]:
        first, named = double.submit(1), double.submit(1, id="mine")
        third = double.submit(first)
        asked = wait.submit(name="ask")
        return [one.invocation_id for one in (first, named, third, asked)]

    assert complete(flow) == ["double", "mine", "double_2", "ask"]


def test_a_call_that_never_began_has_no_id() -> None:
    """Asking for it raises what its argument raised."""

    def flow() -> int:
        future = double.submit(refuse.submit())
        with pytest.raises(ValueError, match=r"^$"):
            _ = future.invocation_id
        return 1

    assert complete(flow) == 1


def test_parts_of_a_result() -> None:
    """By index, by unpacking, and counted; a future is never false."""

    def flow() -> list[UserValue]:
        future = pair.submit(3)
        number, text = future
        return [future[0], future[1], len(future), number, text, bool(double.submit(0))]

    assert complete(flow) == [3, "3", 2, 3, "3", True]


def test_futures_of_a_map() -> None:
    """Each by index and in a loop; all by `result`, `load` and `unpack`."""

    def flow() -> list[UserValue]:
        many = pair.map([1, 2, 3])
        numbers, texts = many.unpack()
        found = [len(many), many[1].result(), [one.result()[0] for one in many], len(many.futures)]
        return [*found, numbers, texts, many.running(), many.load() == many.result()]

    two = {"$kitaru": "tuple", "items": [2, "2"]}
    assert complete(flow) == [3, two, [1, 2, 3], 3, [1, 2, 3], ["1", "2", "3"], False, True]


def test_results_of_one_part_cannot_be_unpacked() -> None:
    """The error names what to call instead."""

    def flow() -> int:
        with pytest.raises(KitaruUsageError, match=re.escape("use .result() for these")):
            double.map([1, 2]).unpack()
        return 1

    assert complete(flow) == 1


def test_products_and_repeated_lists() -> None:
    """All combinations; a list that is unmapped goes to each call whole."""

    def flow() -> list[UserValue]:
        some = add.product([[1], [2]], more=[10, 20])
        whole = add.map(unmapped([1, 2]), more=[0, 1])
        return [some.result(), whole.result(), add.map([], more=1).result()]

    assert complete(flow) == [[11, 21, 12, 22], [3, 4], []]


def test_calls_that_nobody_awaits_end_with_the_flow() -> None:
    """Also when they wait for each other."""

    def flow() -> str:
        double.submit(double.submit(1))
        later.submit(3)
        return "done"

    bench = Bench(flow)
    assert isinstance(bench.attempt(), Completed)
    assert all(one.finished for one in bench.history().calls.values())
    assert len(bench.history().calls) == 3


def test_an_async_body_awaits_and_never_blocks() -> None:
    """What would block raises, and says what to do."""

    async def flow() -> list[UserValue]:
        future = later.submit(1)
        for ask in (future.result, future.load, future.wait, lambda: future[0]):
            with pytest.raises(KitaruContextError, match="await the future"):
                ask()
        return [future.invocation_id, await future, future.result(), await later.map([1, 2])]

    assert complete(flow) == ["later", 2, 2, [2, 4]]
