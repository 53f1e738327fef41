"""An answer that arrives in the very moment of parking is never lost."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from tests.e2e.support.space import Space

RUNS: Final = 100
AT_ONCE: Final = 20
#: Seconds for which each runner stays before it parks, and over which the answers are spread.
STAY: Final = 0.3
SPREAD: Final = 0.6
PATIENCE: Final = 300.0


@pytest.mark.timeout(900)
def test_an_answer_in_the_moment_of_parking_is_never_lost(space: Space) -> None:
    """A hundred executions, twenty at once, each answered a little later after it asked: all complete, once."""
    flow = space.deploy("approvals:approval")
    with ThreadPoolExecutor(AT_ONCE) as people:
        executions = list(people.map(lambda number: ask_and_answer(space, flow, number), range(RUNS)))
    for execution in executions:
        status = space.await_phase(execution, "Completed", seconds=PATIENCE)
        assert status.result == f'"a draft about tea, {execution}"'
        assert space.effects(execution) == {"draft": 1, "publish": 1}
    attempts = [space.status(execution).attempt for execution in executions]
    print(f"answered while the runner stayed: {attempts.count(1)}, after it parked: {attempts.count(2)}")
    assert set(attempts) == {1, 2}, "the answers did not fall on both sides of parking"


def ask_and_answer(space: Space, flow: str, number: int) -> str:
    """Start an execution, see in its journal that it asks, and answer this run's part of the spread later."""
    execution = space.start(flow, topic="tea", stay=STAY)
    space.until(lambda: space.head(execution).waits, f"{execution} to ask", PATIENCE)
    time.sleep(SPREAD * number / RUNS)  # the moment is what this test varies
    space.answer(execution, "approve", {"approved": True, "note": execution})
    space.await_phase(execution, "Completed", seconds=PATIENCE)
    return execution
