"""A process dies; another one goes on."""

import re

import pytest

from kitaru.client import ExecutionStatus, KitaruClient
from kitaru.errors import FailureOrigin
from tests.integration.local.programs import HELPERS, Place, until

FLOWS = f"""{HELPERS}
@kitaru.checkpoint
def first():
    leave("first")
    return 1

@kitaru.checkpoint
def second(value):
    leave("second")
    hold("second")
    return value + 1

@kitaru.flow
def three():
    value = first()
    leave("between")
    hold("between")
    value = second(value)
    leave("after")
    return value * 10
"""
START = "import flows; print(flows.three.run().exec_id, flush=True)"
GO_ON = """
import sys, flows, kitaru
executions = kitaru.KitaruClient().executions
executions.retry(sys.argv[1])
print(executions.handle(sys.argv[1]).wait())
"""


@pytest.mark.parametrize(
    ("held_at", "runs_of_first", "runs_of_second"),
    [pytest.param("between", 1, 1, id="between-checkpoints"), pytest.param("second", 1, 2, id="inside-one")],
)
def test_a_killed_process_repeats_no_finished_checkpoint(
    place: Place, client: KitaruClient, held_at: str, runs_of_first: int, runs_of_second: int
) -> None:
    """After kill -9 it shows failed, origin runtime; a new process goes on after the last finished call."""
    place.has(FLOWS)
    if held_at == "second":
        place.allow("between")
    with place.start(START) as process:
        assert process.stdout is not None
        exec_id = process.stdout.readline().strip()
        until(lambda: place.effects(held_at), f"the body to stand at {held_at}")
        process.kill()
    died = client.executions.get(exec_id)
    assert died.status is ExecutionStatus.FAILED
    assert died.failure is not None
    assert died.failure.origin is FailureOrigin.RUNTIME
    place.allow("between")
    place.allow("second")
    assert place.run(GO_ON, exec_id) == "20"
    assert (place.effects("first"), place.effects("second")) == (runs_of_first, runs_of_second)
    done = client.executions.get(exec_id)
    assert (done.status, done.attempt) == (ExecutionStatus.COMPLETED, 2)
    assert [call.attempts[-1].epoch for call in done.checkpoints] == [1, 2]


def test_of_two_processes_that_retry_one_goes_on(place: Place, client: KitaruClient) -> None:
    """The other one is told that the execution is already being run, and nothing is repeated."""
    place.has(FLOWS)
    place.allow("between")
    with place.start(START) as process:
        assert process.stdout is not None
        exec_id = process.stdout.readline().strip()
        until(lambda: place.effects("second"), "the second checkpoint to begin")
        process.kill()
    with place.start(GO_ON, exec_id) as one, place.start(GO_ON, exec_id) as other:
        until(lambda: one.poll() is not None or other.poll() is not None, "one of them to give up")
        place.allow("second")
        ends = [process.communicate(timeout=30) for process in (one, other)]
    assert sorted(printed.strip() for printed, _ in ends) == ["", "20"]
    told = next(errors for printed, errors in ends if not printed)
    assert re.search(rf"Error: Execution '?{exec_id}'? is (running: only one|already being run)", told)
    assert (place.effects("second"), place.effects("after")) == (2, 1)
    assert client.executions.get(exec_id).attempt == 2


def test_a_script_goes_on_when_it_is_imported(place: Place, client: KitaruClient) -> None:
    """An execution that `python script.py` started is gone on with by whoever imports the script."""
    place.has(f"{FLOWS}\nif __name__ == '__main__':\n    print(three.run().exec_id, flush=True)\n")
    with place.start("import runpy; runpy.run_path('flows.py', run_name='__main__')") as process:
        assert process.stdout is not None
        exec_id = process.stdout.readline().strip()
        until(lambda: place.effects("between"), "the body to stand between")
        process.kill()
    assert client.executions.get(exec_id).status is ExecutionStatus.FAILED
    place.allow("between")
    place.allow("second")
    assert place.run(GO_ON, exec_id) == "20"
