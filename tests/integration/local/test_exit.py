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
    """A script without `.wait()` runs its flow to the end, thread pools and event loops included (F2)."""
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


@pytest.mark.parametrize("body", ["sleeping", "working"])
def test_an_async_body_that_another_process_cancels_stops(place: Place, client: KitaruClient, body: str) -> None:
    """Within seconds, wherever it awaits: it need not come to a Kitaru call."""
    place.has(
        f"""{HELPERS}
@kitaru.checkpoint
async def works():
    leave("begun")
    try:
        await asyncio.sleep(60)
    finally:
        leave("cleaned")

@kitaru.flow
async def working():
    await works()

@kitaru.flow
async def sleeping():
    leave("begun")
    try:
        await asyncio.sleep(60)
    finally:
        leave("cleaned")
"""
    )
    program = "import sys, flows; handle = getattr(flows, sys.argv[1]).run(); print(handle.exec_id, flush=True)"
    with place.start(f"{program}; handle.wait()", body) as process:
        assert process.stdout is not None
        exec_id = process.stdout.readline().strip()
        until(lambda: place.effects("begun"), "the body to begin")
        client.executions.cancel(exec_id)
        _, errors = process.communicate(timeout=PATIENCE)
    assert "finished with status 'cancelled'. It was cancelled." in errors
    assert place.effects("cleaned") == 1


LOOPS = f"""{HELPERS}
@kitaru.checkpoint
def step(number: int):
    return number

@kitaru.flow
def stubborn():
    while True:
        try:
            leave("round")
            while True:
                step(1)
                time.sleep(0.01)
        except BaseException:
            time.sleep(0.1)

@kitaru.flow
def asking():
    kitaru.wait(name="ask", timeout=600)
"""


def test_a_cancelled_body_that_loops_holds_the_exit_up_for_seconds_only(place: Place, client: KitaruClient) -> None:
    """A bare except in a loop cannot keep a process whose execution was cancelled."""
    place.has(LOOPS)
    with place.start("import flows; print(flows.stubborn.run().exec_id, flush=True)") as process:
        assert process.stdout is not None
        exec_id = process.stdout.readline().strip()
        until(lambda: place.effects("round"), "the body to loop")
        client.executions.cancel(exec_id)
        process.communicate(timeout=PATIENCE)
    assert client.executions.get(exec_id).status is ExecutionStatus.CANCELLED


def test_an_execution_that_only_waits_parks_at_the_exit(place: Place, client: KitaruClient) -> None:
    """Its runner would have stayed for ten minutes; the exit does not wait for it, and the log says that it parked."""
    place.has(LOOPS)
    exec_id = place.run("import flows; print(flows.asking.run().exec_id)")
    assert client.executions.get(exec_id).status is ExecutionStatus.WAITING
    client.executions.input(exec_id, wait="ask", value=None)
    assert client.executions.handle(exec_id).wait() is None


def test_nothing_starts_once_the_process_exits(place: Place) -> None:
    """A run() that comes too late is refused with a sentence, and leaves no execution behind."""
    place.has(LOOPS)
    program = """
import atexit, flows, kitaru

def late():
    try:
        flows.asking.run()
    except kitaru.KitaruStateError as error:
        print(error)
    print(len(kitaru.KitaruClient().executions.list()))

flows.asking.run()
atexit.register(late)
"""
    said, number = place.run(program).splitlines()
    assert said.startswith("This process is exiting and runs no execution any more")
    assert number == "1"
