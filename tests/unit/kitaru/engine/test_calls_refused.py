"""Calls that cannot be made, and in which words they are refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from kitaru.checkpoints import checkpoint, current_call
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Completed, Failed
from kitaru.errors import KitaruContextError, KitaruUsageError
from tests.laws.kit import Bench, affect


@checkpoint
def double(number: int) -> int:
    """Double it."""
    affect("double", number)
    return number * 2


@checkpoint
def total(numbers: list[int], plus: int = 0) -> int:
    """Add them up."""
    return sum(numbers) + plus


@checkpoint
def boom(text: str) -> None:
    """Fail."""
    affect("boom", 0)
    raise ValueError(text)


@checkpoint
def hold(value: UserValue) -> int:
    """Do nothing with it."""
    return len(value)


@checkpoint
async def later(number: int) -> int:
    """Double it, in a while."""
    await asyncio.sleep(0)
    return number * 2


@pytest.mark.parametrize(
    ("flow", "words"),
    [
        pytest.param(lambda: total.map(1), "nothing to map", id="nothing mapped"),
        pytest.param(lambda: total.map([[1]], [1, 2]), "equally long", id="unequal"),
        pytest.param(lambda: double(1, id="a b"), "call id name 'a b'", id="bad id"),
        pytest.param(lambda: [double(1, id="x"), double(2, id="x")], "'x' is in use", id="id twice"),
        pytest.param(lambda: [double(1), double(2, id="double")], "is in use", id="id of another"),
        pytest.param(lambda: later(1), "later.submit(...).result()", id="async in def"),
        pytest.param(lambda: boom("no"), "no", id="failure"),
    ],
)
def test_flow_fails_with_a_message(flow: Callable[[], UserValue], words: str) -> None:
    """A mistake in the body fails the flow, in words that name it."""
    flow.__name__ = "flow"
    outcome = Bench(flow).attempt()
    assert isinstance(outcome, Failed)
    assert words in outcome.failure.message


def test_inputs_that_cannot_be_told_apart() -> None:
    """An argument that cannot be hashed by its content is refused, with the path inside it."""

    def flow() -> int:
        return hold({"items": [threading.Lock()]})

    outcome = Bench(flow).attempt()
    assert isinstance(outcome, Failed)
    assert outcome.failure.message.startswith('hold → value["items"][0] cannot be kept')


def _nested() -> UserValue:
    @checkpoint
    def outer() -> int:
        return double(1)

    return outer()


def _in_a_thread() -> UserValue:
    found: list[BaseException] = []

    def body() -> None:
        try:
            double(1)
        except KitaruContextError as error:
            found.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    raise found[0]


def _in_a_loop() -> UserValue:
    async def body() -> int:
        return double(1)

    return asyncio.run(body())


@pytest.mark.parametrize(
    ("flow", "words"),
    [
        pytest.param(_nested, "Nested checkpoint calls are not supported", id="nested"),
        pytest.param(_in_a_thread, ".submit", id="own thread"),
        pytest.param(_in_a_loop, "async flow", id="own loop"),
    ],
)
def test_calls_in_the_wrong_place(flow: Callable[[], UserValue], words: str) -> None:
    """A call where Kitaru cannot follow is refused in words that say what to do."""
    outcome = Bench(flow).attempt()
    assert isinstance(outcome, Failed)
    assert outcome.failure.type == "kitaru.errors.KitaruContextError"
    assert words in outcome.failure.message


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda: double(1), "only run inside a @flow", id="call"),
        pytest.param(lambda: double.submit(1), "inside a running @flow", id="submit"),
        pytest.param(current_call, "inside a @checkpoint", id="current call"),
    ],
)
def test_calls_outside_of_a_flow(make: Callable[[], UserValue], words: str) -> None:
    """Outside of a flow, a call says where it belongs."""
    with pytest.raises(KitaruContextError, match=words):
        make()


def _generator() -> UserValue:
    yield 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda: checkpoint(_generator), "is a generator", id="generator"),
        pytest.param(lambda: checkpoint(retries=-1), "must be >= 0", id="negative retries"),
    ],
)
def test_refused_at_decoration(make: Callable[[], UserValue], words: str) -> None:
    """What cannot be a checkpoint is refused when it is decorated."""
    with pytest.raises(KitaruUsageError, match=words):
        make()


class Unreturning:
    """Can be pickled, and not be read back."""

    def __reduce__(self) -> tuple[UserValue, ...]:
        return int, ("x",)


def _itself() -> list[UserValue]:
    found: list[UserValue] = [double.submit(1)]
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("flow", "words", "origin"),
    [
        pytest.param(lambda: hold([Unreturning()]), "hold → value[0] cannot be kept", "runtime", id="unpickling"),
        pytest.param(
            lambda: {"a": [double.submit(1)]}, '["a"][0] cannot be kept: this is a future', "runtime", id="one"
        ),
        pytest.param(lambda: double.map([1]), "cannot be kept: these are futures", "runtime", id="futures"),
        pytest.param(lambda: hold(_itself()), "holds futures and itself", "user_code", id="itself"),
    ],
)
def test_value_that_cannot_be_kept(flow: Callable[[], UserValue], words: str, origin: str) -> None:
    """What is wrong is named by its path, and the runtime is where it was seen."""
    flow.__name__ = "flow"
    outcome = Bench(flow).attempt()
    assert isinstance(outcome, Failed)
    assert words in outcome.failure.message
    assert outcome.failure.origin == origin


def test_list_that_holds_itself() -> None:
    """It is an argument like any other."""

    def flow() -> int:
        found: list[UserValue] = []
        found.append(found)
        return hold(found)

    assert isinstance(Bench(flow).attempt(), Completed)
