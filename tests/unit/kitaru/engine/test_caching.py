"""Calls that take the result of an equal call of another execution, and calls that must not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from kitaru.checkpoints import checkpoint, current_call
from kitaru.core.journal import Reused
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Completed
from tests.laws import kit
from tests.laws.kit import Bench
from tests.unit.kitaru.engine.caches import RAN, after, first, named, returned


@dataclasses.dataclass
class Note:
    """A value of fields."""

    text: str


class Opaque:
    """A value that can only be pickled."""

    def __init__(self, text: str) -> None:
        self.text = text


@checkpoint
def step(key: UserValue) -> UserValue:
    """Do it, with another result each time."""
    RAN.append(key)
    return [key, len(RAN)]


@checkpoint
async def step_async(key: UserValue) -> UserValue:
    """Do it, with another result each time."""
    RAN.append(key)
    return [key, len(RAN)]


@checkpoint
def fails_once(text: str) -> str:
    """Fail when it runs for the first time."""
    RAN.append(text)
    if len(RAN) == 1:
        message = "no"
        raise ValueError(message)
    return text


@checkpoint(retries=1)
def stumbles(text: str) -> str:
    """Fail at the first try."""
    RAN.append(text)
    if current_call().number == 1:
        message = "not yet"
        raise ValueError(message)
    return text


def test_an_equal_call_takes_the_result() -> None:
    """The function does not run, the result is the same, and the record and a line say where it is from."""

    def flow() -> UserValue:
        return step("a")

    one = first(flow)
    two = after(one)
    assert RAN == []
    assert [record.value.data for record in returned(two)] == [["a", 1]]
    assert [record.reused for record in returned(two)] == [Reused(how="cache", execution=one.id, call="step")]
    said = [line["message"] for line in two.lines.lines if line["event"] == "cached"]
    assert said == [f"step has the result of step of execution {one.id}"]


def test_a_result_is_of_who_computed_it() -> None:
    """A third execution is told of the first, not of the second, which only took the result."""

    def flow() -> UserValue:
        return step("a")

    one = first(flow)
    three = after(one and after(one))
    assert [record.reused and record.reused.execution for record in returned(three)] == [one.id]


async def _async_flow() -> UserValue:
    futures = [step_async.submit(key) for key in "ab"]
    return [await step_async("c"), *[await one for one in futures]]


def _submitting() -> UserValue:
    return [one.result() for one in [step.submit("a"), step_async.submit("b"), *step.map(["c", "d"])]]


@pytest.mark.parametrize("flow", [_async_flow, _submitting], ids=["async", "submitted"])
def test_every_kind_of_call_takes_results(flow: Callable[..., UserValue]) -> None:
    """Awaited, submitted and mapped calls take results like direct ones."""
    one = first(flow)
    two = after(one)
    assert RAN == []
    assert sorted(map(repr, returned(two))) != sorted(map(repr, returned(one)))
    values = [{record.value.sha256 for record in returned(bench)} for bench in (one, two)]
    assert values[0] == values[1]


def test_equal_calls_of_one_execution_all_run() -> None:
    """A loop that asks three times runs three times; the next execution has the same three results."""

    def flow() -> UserValue:
        return [step("a") for _ in range(3)]

    one = first(flow)
    assert RAN == ["a"] * 3
    two = after(one)
    assert [record.value.data for record in returned(two)] == [["a", 1], ["a", 2], ["a", 3]]


def test_an_explicit_id_is_part_of_the_key() -> None:
    """A call with an id takes the result of the call that had this id, and of no other."""

    def flow() -> UserValue:
        return [step("a", id="draft"), step("a", id="final")]

    def swapped() -> UserValue:
        return [step("a", id="final"), step("a", id="draft"), step("a")]

    two = after(first(flow), named("flow", swapped))
    assert [record.value.data for record in returned(two)] == [["a", 2], ["a", 1], ["a", 1]]
    assert RAN == ["a"]


def test_another_flow_takes_nothing() -> None:
    """The scope of the cache are the executions of one flow."""

    def flow() -> UserValue:
        return step("a")

    after(first(flow), named("other", lambda: step("a")))
    assert RAN == ["a"]


def _multiplying(factor: int) -> Callable[..., UserValue]:
    @checkpoint
    def times(number: int) -> int:
        RAN.append(number)
        return number * factor

    def flow() -> UserValue:
        return times(7)

    return flow


def test_a_closure_over_another_value_takes_nothing() -> None:
    """Two checkpoints of one code and name, that enclose other values, have results of their own."""
    one = first(_multiplying(2))
    results = [one, after(one, _multiplying(3)), after(one, _multiplying(2))]
    assert [record.value.data for bench in results for record in returned(bench)] == [14, 21, 14]
    assert RAN == []


@pytest.mark.parametrize(
    ("value", "ran"),
    [(Note("a"), 0), (Path("a"), 0), ({"a": [1, None]}, 0), (Opaque("a"), 1), (len, 1), (Note, 1)],
    ids=["dataclass", "path", "json", "pickled", "function", "class"],
)
def test_inputs_have_to_be_known_by_their_content(value: UserValue, ran: int) -> None:
    """What is pickled, as functions and classes are by their name alone, may differ where its bytes do not."""

    def flow() -> UserValue:
        return step(value)

    after(first(flow))
    assert len(RAN) == ran


def test_a_failed_call_runs_again() -> None:
    """Only results are taken; a failure of another execution is its own."""

    def flow() -> UserValue:
        try:
            return fails_once("a")
        except ValueError:
            return "caught"

    after(first(flow))
    assert RAN == ["a"]


def test_a_call_that_began_does_not_ask() -> None:
    """What was begun before a crash goes on by itself, though a result has appeared meanwhile."""

    def flow() -> UserValue:
        return stumbles("a")

    begun = Bench(flow, caches=True)
    for number in range(100):
        RAN.clear()
        begun = Bench(flow, caches=True)
        begun.attempt(partial(kit.dies_at, number))
        if any(call.tries and not call.finished for call in begun.history().calls.values()):
            break
    after(begun)
    RAN.clear()
    assert isinstance(begun.attempt(), Completed)
    assert RAN == ["a"]
