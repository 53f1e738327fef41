"""How long a runner stays for an answer."""

import time

import pytest

import kitaru
from kitaru import connect, testing
from kitaru.client import KitaruClient
from kitaru.core.journal import Parked
from kitaru.flows import Flow
from kitaru.testing import MemoryStack


@kitaru.flow
def by_default() -> bool:
    """Ask."""
    return kitaru.wait(schema=bool, name="approve")


@kitaru.flow
def for_a_minute() -> bool:
    """Ask, and stay for a minute."""
    return kitaru.wait(schema=bool, name="approve", timeout=60)


def _parked(stack: MemoryStack, exec_id: str) -> bool:
    slots = connect.read_slots(stack, stack.executions.locate(exec_id))
    return any(isinstance(record, Parked) for slot in slots for record in slot.records)


@pytest.mark.parametrize(
    ("flow", "seconds", "parks"),
    [
        pytest.param(by_default, 585, False, id="default-stays"),
        pytest.param(by_default, 605, True, id="default-is-over"),
        pytest.param(for_a_minute, 45, False, id="own-stays"),
        pytest.param(for_a_minute, 65, True, id="own-is-over"),
    ],
)
def test_a_timeout_is_how_long_the_runner_stays(flow: Flow[bool], seconds: float, *, parks: bool) -> None:
    """600 s by default; it is no expiry: the wait is answered after it as before it (W6)."""
    with testing.memory_stack() as stack:
        handle = flow.run(stack=stack)
        end = time.monotonic() + 8
        while handle.status is not kitaru.ExecutionStatus.WAITING:
            assert time.monotonic() < end, "waited 8 s for the question"
            time.sleep(0.01)
        stack.clock.advance(seconds)
        while parks and not _parked(stack, handle.exec_id):
            assert time.monotonic() < end, "waited 8 s for the runner to leave"
            time.sleep(0.01)
        KitaruClient(stack).executions.input(handle.exec_id, wait="approve", value=True)
        assert handle.wait() is True
        assert _parked(stack, handle.exec_id) is parks
        assert KitaruClient(stack).executions.get(handle.exec_id).attempt == 1 + parks
