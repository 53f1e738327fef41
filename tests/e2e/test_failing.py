"""A flow that fails: who, where and why, for people and for programs; and its retry."""

import json

import pytest

from kitaru import FailureOrigin, KitaruUserCodeError
from tests.e2e.flows.failing import QuotaExceededError
from tests.e2e.support.space import Space


def test_a_failed_execution_says_why_and_a_granted_retry_completes_it(space: Space) -> None:
    """Origin, checkpoint, message, Event, traceback and exception type; then spec.retry reuses what had finished.

    It was deployed by a tag, and keeps to what the first pod pulled: one execution never runs two codes.
    """
    execution = space.start(space.deploy("failing:paying", image=space.image.tagged))
    status = space.await_phase(execution, "Failed")
    assert status.image == space.image.pinned
    assert status.failure is not None
    assert (status.failure.origin, status.failure.checkpoint) == (FailureOrigin.USER_CODE, "spend")
    assert status.failure.message.startswith("QuotaExceededError: ")
    assert "used 12 of 10" in status.failure.message
    assert status.failures == 1
    traceback = "\n".join(str(line) for line in space.lines(execution))
    assert "Traceback (most recent call last)" in traceback
    assert "QuotaExceededError" in traceback
    events = space.kubectl("get", "events", f"--field-selector=involvedObject.name={execution},reason=Failed")
    assert "used 12 of 10" in events
    with pytest.raises(KitaruUserCodeError) as caught:
        space.client.executions.handle(execution).wait()
    assert caught.value.failure_origin is FailureOrigin.USER_CODE
    cause = caught.value.__cause__
    assert isinstance(cause, QuotaExceededError)
    assert (cause.used, cause.limit) == (12, 10)
    space.open_gate(execution, "paid")
    space.kubectl("patch", "kx", execution, "--type=merge", "-p", '{"spec": {"retry": 1}}')
    assert space.await_phase(execution, "Completed").result == json.dumps("spent 12")
    assert space.effects(execution) == {"prepare": 1, "spend": 2}
