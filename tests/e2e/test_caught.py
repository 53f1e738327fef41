"""A failure that the body caught is history: a resume takes the same branch."""

import json

from tests.e2e.support.space import Space


def test_a_body_that_caught_a_failure_takes_the_same_branch_after_a_resume(space: Space) -> None:
    """What failed before the wait would succeed after it, is not asked again, and the other branch stands."""
    execution = space.start(space.deploy("failing:careful"))
    space.await_phase(execution, "Waiting")
    assert space.effects(execution) == {"prepare": 1, "spend": 1, "borrow": 1}
    space.open_gate(execution, "paid")
    space.answer(execution, "go")
    status = space.await_phase(execution, "Completed")
    assert status.result == json.dumps("borrowed 2 of 12")
    assert status.attempt == 2
    assert space.effects(execution) == {"prepare": 1, "spend": 1, "borrow": 1}
