"""Cancelled executions stay cancelled, whatever their pods still do."""

from kitaru.core.head import State
from kitaru.core.resources.conditions import Reason
from tests.e2e.support.space import Space


def test_a_running_execution_is_cancelled_and_never_completes(space: Space) -> None:
    """Its pod goes; what its body does when the gate opens meanwhile is refused."""
    execution = space.start(space.deploy("steps:steps"))
    space.open_gate(execution, "between")
    space.await_effect(execution, "second")
    space.kubectl("patch", "kx", execution, "--type=merge", "-p", '{"spec": {"cancel": true}}')
    space.until(lambda: space.head(execution).final, "the journal to be ended")
    space.open_gate(execution, "second-1")
    space.await_phase(execution, "Cancelled")
    space.await_no_pod(execution)
    assert space.head(execution).state is State.CANCELLED
    assert space.status(execution).phase == "Cancelled"
    assert "third" not in space.effects(execution)


def test_a_waiting_execution_is_cancelled_and_takes_no_answer(space: Space) -> None:
    """A later answer is refused because it is over, and its body does not run on."""
    execution = space.start(space.deploy("approvals:approval"), topic="tea")
    space.await_phase(execution, "Waiting")
    space.client.executions.cancel(execution)
    status = space.await_phase(execution, "Cancelled")
    assert status.waiting_for is None
    late = space.await_verdict(space.answer(execution, "approve", {"approved": True}))
    assert (late.status.phase, late.status.reason) == ("Refused", Reason.EXECUTION_OVER)
    assert space.status(execution).phase == "Cancelled"
    space.await_no_pod(execution)
    assert space.effects(execution) == {"draft": 1}
