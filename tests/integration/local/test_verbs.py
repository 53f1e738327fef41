"""Retry, resume and cancel from another process, in each state that an execution can be in."""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from kitaru.client import ExecutionStatus, KitaruClient
from kitaru.errors import KitaruStateError
from tests.integration.local.programs import HELPERS, Place, until

FLOWS: Final = f"""{HELPERS}
@kitaru.checkpoint(cache=False)
def step():
    leave("step")
    return 1

@kitaru.checkpoint(cache=False)
def refuse():
    if not Path("allowed-mend").exists():
        raise OSError("not today")
    return 1

@kitaru.flow
def held():
    value = step()
    leave("begun")
    hold("go")
    return value

@kitaru.flow
def asks(stay: float):
    value = step()
    return kitaru.wait(schema=int, name="ask", timeout=stay) * value

@kitaru.flow
def fails():
    return step() * refuse()

@kitaru.flow
def ends():
    return step()
"""
START: Final = "import sys, flows; handle = {}; print(handle.exec_id, flush=True); {}"
#: How each state is reached: the flow's start, whether its process lives on, and what is done to it then.
STATES: Final = {
    "running": ("flows.held.run()", "handle.wait()"),
    "staying": ("flows.asks.run(600)", "handle.wait()"),
    "parked": ("flows.asks.run(0)", ""),
    "died": ("flows.held.run()", "handle.wait()"),
    "died-staying": ("flows.asks.run(600)", "handle.wait()"),
    "failed": ("flows.fails.run()", ""),
    "completed": ("flows.ends.run()", ""),
    "cancelled": ("flows.asks.run(0)", ""),
}
#: What a verb does: an error's words, or the status after it.
TABLE: Final = {
    ("running", "retry"): "is running: only one that is failed",
    ("running", "resume"): ExecutionStatus.RUNNING,
    ("running", "cancel"): ExecutionStatus.CANCELLED,
    ("staying", "retry"): "is waiting: only one that is failed",
    ("staying", "resume"): r"waits for an answer \(open: ask\)",
    ("staying", "cancel"): ExecutionStatus.CANCELLED,
    ("parked", "retry"): "is waiting: only one that is failed",
    ("parked", "resume"): r"waits for an answer \(open: ask\)",
    ("parked", "cancel"): ExecutionStatus.CANCELLED,
    ("died", "retry"): ExecutionStatus.COMPLETED,
    ("died", "resume"): ExecutionStatus.COMPLETED,
    ("died", "cancel"): "is failed: there is nothing to cancel",
    ("died-staying", "retry"): "is waiting: only one that is failed",
    ("died-staying", "resume"): r"waits for an answer \(open: ask\)",
    ("died-staying", "cancel"): ExecutionStatus.CANCELLED,
    ("failed", "retry"): ExecutionStatus.COMPLETED,
    ("failed", "resume"): "failed, and would fail again",
    ("failed", "cancel"): "is failed: there is nothing to cancel",
    ("completed", "retry"): "is completed: only one that is failed",
    ("completed", "resume"): ExecutionStatus.COMPLETED,
    ("completed", "cancel"): "is completed: there is nothing to cancel",
    ("cancelled", "retry"): "is cancelled: only one that is failed",
    ("cancelled", "resume"): "is cancelled: nothing goes on with it",
    ("cancelled", "cancel"): "is cancelled: there is nothing to cancel",
}


@pytest.fixture(params=STATES)
def reached(request: pytest.FixtureRequest, place: Place, client: KitaruClient) -> Iterator[tuple[str, str]]:
    """Give each state in turn, and an execution that is in it."""
    state = str(request.param)
    place.has(FLOWS)
    with place.start(START.format(*STATES[state])) as process:
        assert process.stdout is not None
        exec_id = process.stdout.readline().strip()
        wanted = {"staying": "waiting", "parked": "waiting", "died-staying": "waiting", "cancelled": "waiting"}
        status = wanted.get(state, "running" if state in {"running", "died"} else state)
        until(lambda: client.executions.get(exec_id).status == status, f"the execution to be {status}")
        if state in {"running", "died"}:
            until(lambda: place.effects("begun"), "the body to stand")
        if state.startswith("died"):
            process.kill()
        if state not in {"running", "staying"}:
            process.communicate(timeout=30)
        if state == "cancelled":
            client.executions.cancel(exec_id)
        yield state, exec_id
        process.kill()


@pytest.mark.parametrize("verb", ["retry", "resume", "cancel"])
def test_a_verb_in_a_state(place: Place, client: KitaruClient, reached: tuple[str, str], verb: str) -> None:
    """It does what the table says, or refuses with a sentence and changes nothing; no finished call runs again (M5)."""
    state, exec_id = reached
    expected = TABLE[state, verb]
    before = client.executions.get(exec_id)
    place.allow("mend")
    act = {"retry": client.executions.retry, "resume": client.executions.resume, "cancel": client.executions.cancel}
    if isinstance(expected, ExecutionStatus):
        if state == "died":
            place.allow("go")
        act[verb](exec_id)
        until(lambda: client.executions.get(exec_id).status is expected, f"the execution to be {expected}")
    else:
        with pytest.raises(KitaruStateError) as caught:
            act[verb](exec_id)
        assert re.search(expected, str(caught.value))
        assert client.executions.get(exec_id) == before
    assert place.effects("step") == 1
