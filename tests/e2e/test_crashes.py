"""The runner's process is killed, at any instruction: the next attempt goes on after the last finished call."""

import pytest

from tests.e2e.support.processes import kill
from tests.e2e.support.space import Space


@pytest.mark.parametrize(
    ("held", "kept", "expected"),
    [
        pytest.param("between", {"first": 1, "between": 2, "second": 1, "second-2": 1, "third": 1}, "121", id="body"),
        pytest.param(
            "second-1", {"first": 1, "between": 2, "second": 2, "second-2": 1, "third": 1}, "121", id="checkpoint"
        ),
    ],
)
def test_a_killed_runner_is_replaced_and_no_finished_checkpoint_is_run_again(
    space: Space, held: str, kept: dict[str, int], expected: str
) -> None:
    """A kill -9 between two checkpoints, and inside one: each finished body ran once, and the result is right."""
    execution = space.start(space.deploy("steps:steps"))
    if held != "between":
        space.open_gate(execution, "between")
    space.await_effect(execution, "between" if held == "between" else "second")
    kill(space, execution, 1)
    for gate in ("between", "second-2"):
        space.open_gate(execution, gate)
    status = space.await_phase(execution, "Completed")
    assert status.result == expected
    assert status.attempt == 2
    assert space.effects(execution) == kept
