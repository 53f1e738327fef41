"""Laws of replays, over generated flows: what is copied, what runs again, and what a crash in between changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import JsonValue

from kitaru.checkpoints import checkpoint
from kitaru.core import recordings
from kitaru.core.journal import Raised, Returned
from kitaru.core.replay import Script
from kitaru.engine.attempt import Failed
from kitaru.errors import FailureOrigin
from tests.laws import judge, kit
from tests.laws.kit import Bench, affect
from tests.laws.programs import FLOWS, PROGRAMS

SEEDS = st.integers(0, 2**16)
ROWS = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4), min_size=1, max_size=3)


@checkpoint
def add(total: int, key: int) -> int:
    """Add, and say so."""
    affect("add", total * 100 + key)
    return total + key


@checkpoint
async def add_async(total: int, key: int) -> int:
    """Add in a few turns of the loop."""
    for _ in range(kit.turns()):
        await asyncio.sleep(0)
    affect("add_async", total * 100 + key)
    return total + key


def rows_in_turn(rows: list[list[int]]) -> list[int]:
    """Sum each row up, one after the other."""
    return [_row(keys) for keys in rows]


def _row(keys: list[int]) -> int:
    total = 0
    for key in keys:
        total = add(total, key)
    return total


async def rows_at_once(rows: list[list[int]]) -> list[int]:
    """Sum all rows up at once."""

    async def row(keys: list[int]) -> int:
        total = 0
        for key in keys:
            total = await add_async(total, key)
        return total

    return list(await asyncio.gather(*(row(keys) for keys in rows)))


SUMS = {"def": rows_in_turn, "async": rows_at_once}


def as_inputs(rows: list[list[int]]) -> dict[str, JsonValue]:
    """Return the rows as the inputs of such a flow."""
    return {"rows": [[*keys] for keys in rows]}


def script(bench: Bench, source: Bench) -> Script:
    """Return the plan of a bench's replay."""
    assert bench.replay is not None
    return Script(bench.replay, recordings.read(source.slots()[: bench.replay.slots]))


def copied(bench: Bench) -> set[str]:
    """Return the recorded calls whose outcomes the replay copied."""
    found: set[str] = set()
    for call in bench.history().calls.values():
        reused = call.outcome.reused if isinstance(call.outcome, Returned | Raised) else None
        if reused is not None and reused.how == "replay":
            assert call.replays is not None
            found.add(call.replays)
    return found


def keeps_to_its_plan(bench: Bench, source: Bench) -> Script:
    """Check what was copied against the plan's sets, and that nothing was copied and run as well."""
    plan = script(bench, source)
    done = copied(bench)
    assert set(plan.calls.reuse) <= done <= {*plan.calls.reuse, *plan.calls.undecided}
    return plan


def a_call(data: st.DataObject, source: Bench) -> str:
    """Draw a call to replay from."""
    calls = [*source.history().calls]
    assume(calls)
    return data.draw(st.sampled_from(calls), label="from_")


@pytest.mark.parametrize("flow", FLOWS)
@given(data=st.data(), seed=SEEDS)
def test_unchanged_code_copies_all_before_the_frontier(flow: str, data: st.DataObject, seed: int) -> None:
    """The result is the same, everything before the frontier is copied, and nothing else is undecided."""
    source = judge.reference(FLOWS[flow], data.draw(PROGRAMS[flow]), seed)
    bench = source.replayed(a_call(data, source), seed=seed + 1)
    judge.finish(bench)
    assert judge.result(bench) == judge.result(source)
    assert judge.told(bench.history()) == judge.told(source.history())
    plan = keeps_to_its_plan(bench, source)
    assert not plan.calls.undecided
    assert copied(bench) == set(plan.calls.reuse)


@pytest.mark.parametrize("flow", FLOWS)
@given(data=st.data(), seed=SEEDS, number=st.integers(0, 30), took=st.booleans())
def test_a_crash_in_a_replay_changes_nothing(
    flow: str, data: st.DataObject, seed: int, number: int, *, took: bool
) -> None:
    """Result, effects and history equal those of a replay without a crash, whenever the process dies."""
    source = judge.reference(FLOWS[flow], data.draw(PROGRAMS[flow]), seed)
    from_ = a_call(data, source)
    wanted = source.replayed(from_)
    judge.finish(wanted)
    bench = source.replayed(from_, seed=seed + 1)
    judge.finish(bench, bench.attempt(partial(kit.dies_at, number, took_effect=took)))
    judge.same(bench, wanted)
    keeps_to_its_plan(bench, source)


@pytest.mark.parametrize("flow", FLOWS)
@given(data=st.data(), seed=SEEDS, number=st.integers(1, 40))
def test_a_died_execution_can_be_replayed(flow: str, data: st.DataObject, seed: int, number: int) -> None:
    """From any call that its log knows, finished or not; the result is that of a run without a crash."""
    program = data.draw(PROGRAMS[flow])
    wanted = judge.reference(FLOWS[flow], program, seed)
    source = Bench(FLOWS[flow], {"program": program}, seed=seed)
    source.attempt(partial(kit.dies_at, number))
    bench = source.replayed(a_call(data, source), seed=seed + 1)
    judge.finish(bench)
    assert judge.result(bench) == judge.result(wanted)
    assert copied(bench) <= {call.id for call in source.history().calls.values() if call.finished}


@pytest.mark.parametrize("flow", FLOWS)
@given(data=st.data(), seed=SEEDS)
def test_a_replay_can_be_replayed(flow: str, data: st.DataObject, seed: int) -> None:
    """A replay of a replay keeps to its own plan, and copies what the first one had copied."""
    source = judge.reference(FLOWS[flow], data.draw(PROGRAMS[flow]), seed)
    first = source.replayed(a_call(data, source), seed=seed + 1)
    judge.finish(first)
    second = first.replayed(a_call(data, first), seed=seed + 2)
    judge.finish(second)
    assert judge.result(second) == judge.result(source)
    keeps_to_its_plan(second, first)


def sums(rows: list[list[int]], given_: dict[tuple[int, int], int]) -> list[int]:
    """Return what the rows' sums are when some of their steps have given outputs."""
    found: list[int] = []
    for number, keys in enumerate(rows):
        total = 0
        for step, key in enumerate(keys):
            total = given_.get((number, step), total + key)
        found.append(total)
    return found


@pytest.mark.parametrize("flow", SUMS)
@given(rows=ROWS, data=st.data(), seed=SEEDS)
def test_a_given_output_replaces_the_recorded_one(
    flow: str, rows: list[list[int]], data: st.DataObject, seed: int
) -> None:
    """The overridden call does not run, what depends on it runs with the new value, the rest is copied."""
    source = Bench(SUMS[flow], as_inputs(rows), seed=seed)
    judge.finish(source)
    calls = source.history().calls
    number = data.draw(st.integers(0, len(rows) - 1), label="row")
    step = data.draw(st.integers(0, len(rows[number]) - 1), label="step")
    given_ = data.draw(st.integers(50, 60), label="output")
    overridden = the_call(source, flow, rows, (number, step))
    bench = source.replayed(a_call(data, source), outputs={overridden: given_}, seed=seed + 1)
    judge.finish(bench)
    assert judge.result(bench) == sums(rows, {(number, step): given_})
    keeps_to_its_plan(bench, source)
    assert len(bench.history().calls) == len(calls)
    assert [one.replays for one in bench.history().calls.values() if one.replays == overridden] == [overridden]


def the_call(source: Bench, flow: str, rows: list[list[int]], where: tuple[int, int]) -> str:
    """Return the id of the call that made this step of this row."""
    number, step = where
    before = sum(len(keys) for keys in rows[:number])
    scope, occurrence = ("", before + step + 1) if flow == "def" else (str(number + 1), step + 1)
    found = [
        one.id
        for one in source.history().calls.values()
        if (one.place.scope, one.place.occurrence) == (scope, occurrence)
    ]
    return found[0]


@pytest.mark.parametrize("flow", SUMS)
@given(rows=ROWS, data=st.data(), seed=SEEDS)
def test_another_input_runs_what_it_changes(flow: str, rows: list[list[int]], data: st.DataObject, seed: int) -> None:
    """Nothing is sure to be copied; the result is that of a run with the new input."""
    source = Bench(SUMS[flow], as_inputs(rows), seed=seed)
    judge.finish(source)
    other: list[list[int]] = data.draw(ROWS, label="other rows")
    bench = source.replayed(a_call(data, source), inputs=as_inputs(other), seed=seed + 1)
    judge.finish(bench)
    assert judge.result(bench) == sums(other, {})
    assert not keeps_to_its_plan(bench, source).calls.reuse


STEPS = st.lists(st.tuples(st.sampled_from(["add", "take"]), st.integers(0, 3)), min_size=1, max_size=5)


@checkpoint
def take(total: int, key: int) -> int:
    """Take away, and say so."""
    affect("take", total * 100 + key)
    return total - key


@checkpoint
def close(total: int) -> int:
    """End the sequence."""
    affect("close", total)
    return total


def code(steps: list[tuple[str, int]]) -> Callable[[], int]:
    """Return a flow that makes these calls, one after the other, and then the last one."""

    def body() -> int:
        for name, key in steps:
            (add if name == "add" else take)(0, key)
        return close(0)

    return body


@given(steps=STEPS, data=st.data())
def test_a_call_more_or_less_before_the_frontier_diverges(steps: list[tuple[str, int]], data: st.DataObject) -> None:
    """Whichever it is and wherever; nothing has run then."""
    source = Bench(code(steps))
    judge.finish(source)
    number = data.draw(st.integers(0, len(steps) - 1), label="where")
    more = data.draw(STEPS, label="more")[:1] if data.draw(st.booleans(), label="insert") else []
    changed = [*steps[:number], *more, *steps[number if more else number + 1 :]]
    bench = source.replayed("close", flow=code(changed))
    outcome = bench.attempt()
    assert isinstance(outcome, Failed)
    assert outcome.failure.origin is FailureOrigin.DIVERGENCE
    assert bench.effects == []


@given(steps=STEPS, data=st.data())
def test_another_order_before_the_frontier_is_no_divergence(steps: list[tuple[str, int]], data: st.DataObject) -> None:
    """The same calls in another order are all copied."""
    source = Bench(code(steps))
    judge.finish(source)
    bench = source.replayed("close", flow=code(data.draw(st.permutations(steps), label="order")))
    judge.finish(bench)
    assert [one.name for one in bench.effects] == ["close"]
    assert len(copied(bench)) == len(steps)
