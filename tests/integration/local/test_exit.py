"""A process ends; its executions come to their own end first."""

import signal

import pytest

from kitaru.client import ExecutionStatus, KitaruClient
from tests.integration.local.programs import HELPERS, PATIENCE, Place, until

FLOWS = f"""{HELPERS}
from concurrent.futures import ThreadPoolExecutor

@kitaru.checkpoint
def pooled():
    time.sleep(0.3)
    with ThreadPoolExecutor() as pool:
        return sum(pool.map(abs, [-1, 2]))

@kitaru.checkpoint
async def threaded(value):
    return await asyncio.to_thread(lambda: value * 2)

@kitaru.flow
async def late():
    value = pooled.submit()
    doubled = await threaded(await value)
    leave("end")
    return doubled

@kitaru.checkpoint
def endless():
    leave("begun")
    while True:
        time.sleep(0.05)

@kitaru.flow
def stuck():
    endless()
"""


def test_the_interpreter_waits_for_its_flows(place: Place, client: KitaruClient) -> None:
    """A script without `.wait()` runs its flow to the end, thread pools and event loops included."""
    place.has(FLOWS)
    exec_id = place.run("import flows; print(flows.late.run().exec_id)")
    assert place.effects("end") == 1
    assert client.executions.handle(exec_id).get() == 6


def test_ctrl_c_ends_a_process_whose_flow_is_stuck(place: Place, client: KitaruClient) -> None:
    """The exit can be interrupted; what the flow finished is kept, and it shows failed."""
    place.has(FLOWS)
    with place.start("import flows; print(flows.stuck.run().exec_id, flush=True)") as process:
        assert process.stdout is not None
        exec_id = process.stdout.readline().strip()
        until(lambda: place.effects("begun"), "the checkpoint to begin")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert client.executions.get(exec_id).status is ExecutionStatus.FAILED


@pytest.mark.parametrize(
    ("cancel", "told"),
    [
        pytest.param("client.executions.cancel(exec_id)", "cancelled", id="client"),
        pytest.param("client.executions.get(exec_id).cancel()", "cancelled", id="execution"),
    ],
)
def test_a_cancel_from_another_process_ends_it(place: Place, client: KitaruClient, cancel: str, told: str) -> None:
    """The flow stops at its next Kitaru call, `.wait()` raises, and it never completes."""
    place.has(
        f"""{HELPERS}
@kitaru.checkpoint
def held():
    leave("begun")
    hold("go")

@kitaru.checkpoint
def never():
    leave("never")

@kitaru.flow
def two():
    held()
    never()
"""
    )
    program = "import flows; handle = flows.two.run(); print(handle.exec_id, flush=True); handle.wait()"
    with place.start(program) as process:
        assert process.stdout is not None
        exec_id = process.stdout.readline().strip()
        until(lambda: place.effects("begun"), "the checkpoint to begin")
        place.run(f"import sys, kitaru; client = kitaru.KitaruClient(); exec_id = sys.argv[1]; {cancel}", exec_id)
        place.allow("go")
        _, errors = process.communicate(timeout=PATIENCE)
    assert f"Execution {exec_id} finished with status '{told}'. It was cancelled." in errors
    assert place.effects("never") == 0
    assert client.executions.get(exec_id).status is ExecutionStatus.CANCELLED
