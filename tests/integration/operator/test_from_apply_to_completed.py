"""The spine: a flow, an execution, its pod, its park without a pod, its answer, its end."""

from datetime import UTC, datetime

from kitaru.core.journal import Answered, Completed, Parked, Value, WaitOpened
from tests.integration.operator.operating import IMAGE, Operated


def test_an_execution_goes_from_apply_through_a_wait_to_completed(operated: Operated) -> None:
    """A pod is made, parks to none, an answer makes the next, and its completion is reported."""
    now = datetime.now(UTC)
    operated.create("KitaruFlow", "agent", {"entrypoint": "agents.research:agent", "image": IMAGE})
    operated.create("KitaruExecution", "x1", {"flow": "agent", "inputs": {"topic": "kitaru"}})
    operated.await_attempt("x1", 1)
    schema = '{"type": "object", "properties": {"approved": {"type": "boolean"}}}'
    asked = WaitOpened(wait="approve", name="approve", scope="", occurrence=0, at=now, schema=schema)
    assert operated.run("x1", asked, Parked(at=now))
    waiting = operated.await_phase("x1", "Waiting")
    assert waiting.status.waiting_for == "approve"
    operated.await_no_pod()
    operated.answer_with("bad", "approve", value={"approved": "yes"})
    operated.answer_with("good", "approve", value={"approved": True})
    operated.await_attempt("x1", 2)
    assert operated.answer("bad").status.phase == "Refused"
    assert "value.approved" in (operated.answer("bad").status.message or "")
    assert operated.answer("good").status.phase == "Accepted"
    value = Value(codec="json", type="str", size=6, sha256="", data="done")
    taken = Answered(wait="approve", request="r", value={"approved": True}, at=now)
    assert operated.run("x1", taken, Completed(value=value, at=now))
    done = operated.await_phase("x1", "Completed")
    assert done.status.result == '"done"'
    operated.await_no_pod()
