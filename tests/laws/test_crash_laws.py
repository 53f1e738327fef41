"""A crash after any store operation, and a new attempt: as if there had been no crash."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitaru.backends.faults import at, lost_reply, unreachable
from tests.laws import judge, kit
from tests.laws.kit import Bench
from tests.laws.programs import FLOWS, PROGRAMS

SEEDS = st.integers(0, 2**16)


def crash_at(wanted: Bench, number: int, *, took: bool) -> bool:
    """Crash one attempt at its n-th request; False when it made fewer."""
    bench = judge.again(wanted)
    outcome = bench.attempt(partial(kit.dies_at, number, took_effect=took))
    epoch, done = bench.epoch, bench.finished()
    judge.finish(bench, outcome)
    judge.same(bench, wanted)
    assert not judge.repeated(bench, wanted, done, epoch)
    return outcome is None


def crash_everywhere(wanted: Bench, step: int = 1) -> None:
    """Crash at each request in turn, or at every few, another few for each seed."""
    step = kit.stride(step)
    number = wanted.seed % step
    while crash_at(wanted, number, took=bool((number + wanted.seed) % 2)):
        number += step


@pytest.mark.parametrize("flow", FLOWS)
@given(data=st.data(), seed=SEEDS)
def test_crash_after_any_operation_changes_nothing(flow: str, data: st.DataObject, seed: int) -> None:
    """Result, effects and history equal those of an uninterrupted run, whenever the process dies."""
    program = data.draw(PROGRAMS[flow])
    crash_everywhere(judge.reference(FLOWS[flow], program, seed))


@pytest.mark.parametrize("flow", FLOWS)
@given(key=st.integers(0, 4), data=st.data(), seed=SEEDS, retries=st.integers(0, 2))
def test_crash_in_a_failing_flow_changes_nothing(
    flow: str, key: int, data: st.DataObject, seed: int, retries: int
) -> None:
    """A flow that fails, fails alike, after the same number of its own retries."""
    program = [*data.draw(PROGRAMS[flow])[:1], ["fail", key]]
    crash_everywhere(judge.reference(FLOWS[flow], program, seed, retries), step=3)


@pytest.mark.parametrize("flow", FLOWS)
@given(data=st.data(), seed=SEEDS, number=st.integers(0, 40), lost=st.booleans())
def test_lost_replies_are_harmless(flow: str, data: st.DataObject, seed: int, number: int, *, lost: bool) -> None:
    """An operation without a reply, whether it took effect or not, is made again unseen."""
    wanted = judge.reference(FLOWS[flow], data.draw(PROGRAMS[flow]), seed)
    bench = judge.again(wanted)
    outcome = bench.attempt(lambda _: at(number, lost_reply() if lost else unreachable()))
    judge.finish(bench, outcome)
    judge.same(bench, wanted)
    assert len(bench.effects) == len(wanted.effects)
