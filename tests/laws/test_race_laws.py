"""Two attempts at once: one history, whoever is faster."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitaru.backends.faults import Fault, Request, Script
from kitaru.engine.attempt import Outcome
from tests.laws import judge
from tests.laws.kit import Bench, Process
from tests.laws.programs import FLOWS, PROGRAMS

SEEDS = st.integers(0, 2**16)


def overtaken_at(number: int, overtake: Bench, outcomes: list[Outcome | None]) -> Script:
    """Return the script in which a newer attempt runs to its end before this request."""

    def script(request: Request) -> Fault | None:
        if request.number == number:
            rival = threading.Thread(target=lambda: outcomes.append(overtake.attempt()))
            rival.start()
            rival.join()
        return None

    return script


@pytest.mark.parametrize("flow", FLOWS)
@given(data=st.data(), seed=SEEDS, number=st.integers(0, 40))
def test_two_attempts_give_one_history(flow: str, data: st.DataObject, seed: int, number: int) -> None:
    """Whoever is overtaken writes nothing more, and the newer attempt repeats no finished effect."""
    wanted = judge.reference(FLOWS[flow], data.draw(PROGRAMS[flow]), seed)
    bench = judge.again(wanted)
    done: list[Counter[tuple[str, str]]] = []
    outcomes: list[Outcome | None] = []

    def script(_: Process) -> Script:
        inner = overtaken_at(number, bench, outcomes)

        def watched(request: Request) -> Fault | None:
            if request.number == number:
                done.append(bench.finished())
            return inner(request)

        return watched

    outcome = bench.attempt(script)
    judge.finish(bench, outcomes[0] if outcomes else outcome)
    judge.same(bench, wanted)
    epochs = [slot.epoch for slot in bench.slots()]
    assert epochs == sorted(epochs)
    if done:
        assert not judge.repeated(bench, wanted, done[0], 1)
