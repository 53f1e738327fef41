"""An answer that arrives in the very moment of parking is never lost."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import pytest

from tests.e2e.support.space import Space

PEOPLE: Final = 20
RUNS_EACH: Final = 5
#: Seconds for which each runner stays before it parks.
STAY: Final = 3.0
PATIENCE: Final = 300.0


@pytest.mark.timeout(900)
def test_an_answer_in_the_moment_of_parking_is_never_lost(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a hundred executions, twenty at once, each completes with its answer, and no effect takes place twice.

    Each person finds the moment by halves: an answer that was taken before the runner parked is followed by a later
    one in the next execution, one that came after it by an earlier one.
    """
    flow = space.deploy("approvals:approval")
    with ThreadPoolExecutor(PEOPLE) as people:
        runs = [run for done in people.map(partial(close_in, space, flow), range(PEOPLE)) for run in done]
    for execution in runs:
        assert space.status(execution).result == f'"a draft about tea, {execution}"'
        assert space.effects(execution) == {"draft": 1, "publish": 1}
    attempts = [space.status(execution).attempt for execution in runs]
    with capsys.disabled():
        print(f"\n  answered before the runner parked: {attempts.count(1)}, after: {attempts.count(2)}")
    assert set(attempts) == {1, 2}, "the answers did not fall on both sides of parking"


def close_in(space: Space, flow: str, person: int) -> list[str]:
    """Answer one execution after the other, ever nearer to the moment of parking; return their names."""
    early, late = 0.0, STAY + person / PEOPLE
    done: list[str] = []
    for _ in range(RUNS_EACH):
        delay = (early + late) / 2
        done.append(ask_and_answer(space, flow, delay))
        if space.status(done[-1]).attempt == 1:
            early = delay
        else:
            late = delay
    return done


def ask_and_answer(space: Space, flow: str, delay: float) -> str:
    """Run an execution, and answer it so many seconds after it asked."""
    execution = space.start(flow, topic="tea", stay=STAY)
    wait = space.await_question(execution, PATIENCE)
    time.sleep(max(0.0, wait.since.timestamp() + delay - time.time()))  # the moment is what this test varies
    space.answer(execution, "approve", {"approved": True, "note": execution})
    space.await_phase(execution, "Completed", seconds=PATIENCE)
    return execution
