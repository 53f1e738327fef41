"""Results of other executions: never a wrong one, and no crash that the cache makes worse."""

from __future__ import annotations

from functools import partial
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitaru.backends.faults import at, lost_reply, unreachable
from kitaru.checkpoints import checkpoint
from kitaru.core import caching
from kitaru.core.caching import Cache
from kitaru.core.history import Call, Place
from kitaru.core.tagged import UserValue
from tests.laws import judge, kit
from tests.laws.kit import Bench, affect
from tests.laws.programs import FLOWS, PROGRAMS

SEEDS = st.integers(0, 2**16)


def warmed(flow: str, program: UserValue, seed: int) -> tuple[Bench, Bench]:
    """Return an execution that ran the program with nothing to find, and one after it."""
    first = Bench(FLOWS[flow], {"program": program}, 0, seed, caches=True)
    judge.finish(first)
    return first, after(first)


def after(first: Bench) -> Bench:
    """Return a finished execution of the same program in the same store."""
    bench = another(first)
    judge.finish(bench)
    return bench


def another(first: Bench) -> Bench:
    """Return another execution of the same program in the same store, which has not begun."""
    return Bench(first.flow, first.inputs, first.retries, first.seed + 1, store=first.store, caches=True)


def alike(bench: Bench, first: Bench) -> None:
    """Check that the execution went as the first one did, with no effect that it had not."""
    assert judge.result(bench) == judge.result(first)
    assert judge.told(bench.history()) == judge.told(first.history())
    assert {(one.name, one.key) for one in bench.effects} <= {(one.name, one.key) for one in first.effects}


@pytest.mark.parametrize("flow", FLOWS)
@given(data=st.data(), seed=SEEDS)
def test_a_second_execution_goes_as_the_first(flow: str, data: st.DataObject, seed: int) -> None:
    """What returned in one execution runs in no other; what raised there runs again."""
    first, second = warmed(flow, data.draw(PROGRAMS[flow]), seed)
    alike(second, first)
    assert not {one.name for one in second.effects} & {"effect", "effect_async"}


@pytest.mark.parametrize("flow", FLOWS)
@given(data=st.data(), seed=SEEDS, took=st.booleans(), step=st.integers(2, 5))
def test_crash_with_a_warm_cache_changes_nothing(
    flow: str, data: st.DataObject, seed: int, step: int, *, took: bool
) -> None:
    """After a crash at any operation, those of the cache included, the execution ends as it would have."""
    first, _ = warmed(flow, data.draw(PROGRAMS[flow]), seed)
    step = kit.stride(step)
    number = seed % step
    dies = True
    while dies:
        bench = another(first)
        outcome = bench.attempt(partial(kit.dies_at, number, took_effect=took))
        judge.finish(bench, outcome)
        alike(bench, first)
        dies = outcome is None
        number += step


@pytest.mark.parametrize("flow", FLOWS)
@given(data=st.data(), seed=SEEDS, number=st.integers(0, 60), lost=st.booleans())
def test_a_store_that_does_not_answer_is_an_empty_cache(
    flow: str, data: st.DataObject, seed: int, number: int, *, lost: bool
) -> None:
    """An operation of the cache without a reply costs a run of the function at most."""
    first, _ = warmed(flow, data.draw(PROGRAMS[flow]), seed)
    bench = another(first)
    outcome = bench.attempt(lambda _: at(number, lost_reply() if lost else unreachable()))
    judge.finish(bench, outcome)
    alike(bench, first)


@checkpoint(cache=Cache(version="1"))
def one(key: UserValue) -> UserValue:
    """Say what was asked of whom."""
    affect("one", 1)
    return ["one", key]


@checkpoint(cache=Cache(version="1"))
def two(key: UserValue) -> UserValue:
    """Say what was asked of whom."""
    affect("two", 2)
    return ["two", key]


#: Inputs of which some are nearly equal.
KEYS: Final = st.sampled_from([0, 1, 1.0, True, "1", None, [], [1], {"a": 1}, (1,), b"1", float("inf")])
ASKED: Final = st.tuples(st.sampled_from(["one", "two"]), KEYS, st.sampled_from([None, "own", "other"]))


def body(program: UserValue) -> UserValue:
    """Make the calls of a program and return what is wrong with their results."""
    asked: list[tuple[str, UserValue, str | None]] = PLANS[program]
    wrong: list[str] = []
    used: set[str] = set()
    for name, key, explicit in asked:
        made = {"one": one, "two": two}[name]
        ids = {"id": f"{explicit}-{name}"} if explicit and f"{explicit}-{name}" not in used else {}
        used.update(ids.values())
        got = made(key, **ids)
        if repr(got) != repr([name, key]):
            wrong.append(f"{name}({key!r}) got {got!r}")
    return wrong


PLANS: Final[dict[str, list[tuple[str, UserValue, str | None]]]] = {}


@given(plans=st.lists(st.lists(ASKED, max_size=6), min_size=2, max_size=4))
def test_no_call_gets_the_result_of_another(plans: list[list[tuple[str, UserValue, str | None]]]) -> None:
    """Whatever executions of a flow asked before, a result is always that of these inputs of this checkpoint."""
    first = Bench(body, {"program": "none"}, caches=True)
    for number, plan in enumerate(plans):
        PLANS[str(number)] = plan
        bench = Bench(body, {"program": str(number)}, store=first.store, caches=True)
        judge.finish(bench)
        assert judge.result(bench) == []


PARTS: Final = st.tuples(
    st.sampled_from(["flow", "other"]),
    st.sampled_from(["source", "edited"]),
    st.sampled_from([None, "1", "2"]),
    st.sampled_from(["name", "name_2"]),
    st.sampled_from(["inputs", "others"]),
    st.sampled_from([("name", 1, False), ("name", 2, False), ("name", 1, True), ("name_2", 1, True)]),
)


@given(first=PARTS, second=PARTS)
def test_equal_keys_mean_equal_calls(first: tuple[UserValue, ...], second: tuple[UserValue, ...]) -> None:
    """Flow, code, version, name, inputs, and which of equal calls it is: each tells keys apart."""

    def key(parts: tuple[UserValue, ...]) -> str:
        flow, source, version, name, inputs, (call, nth, explicit) = parts
        place = Place(scope="", name=name, occurrence=1)
        made = Call(id=call, place=place, inputs=inputs, nth=nth, explicit=explicit)
        return caching.key(flow, source, version, made)

    def matters(parts: tuple[UserValue, ...]) -> UserValue:
        call, nth, explicit = parts[-1]
        return (*parts[:-1], call if explicit else nth)

    assert (key(first) == key(second)) == (matters(first) == matters(second))
