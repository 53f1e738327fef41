"""Executions that wait for an answer, across processes."""

import subprocess

import pytest

from kitaru.client import ExecutionStatus, KitaruClient
from kitaru.errors import KitaruStateError, KitaruUsageError, KitaruWaitValidationError
from tests.integration.local.programs import HELPERS, PATIENCE, Place, until

FLOWS = f"""{HELPERS}
from pydantic import BaseModel

class Approval(BaseModel):
    approved: bool
    note: str = ""

@kitaru.checkpoint
def prepare():
    leave("prepare")
    return "draft"

@kitaru.flow
def publish(stay: float):
    draft = prepare()
    answer = kitaru.wait(schema=Approval, name="approve", question="Publish?", timeout=stay, metadata={{"n": 1}})
    return f"{{draft}} {{answer.approved}} {{answer.note}}"

@kitaru.flow
async def both():
    one = kitaru.wait.submit(schema=str, name="name")
    two = kitaru.wait.submit(schema=str, name="name")
    return [await two, await one]
"""
START = """
import sys, flows
handle = flows.publish.run(stay=float(sys.argv[1]))
print(handle.exec_id, flush=True)
"""
START_AND_WAIT = f"{START}print(handle.wait())"
ANSWER_WITH_FLOW = """
import sys, flows, kitaru
executions = kitaru.KitaruClient().executions
executions.input(sys.argv[1], wait="approve", value=flows.Approval(approved=True, note="by model"))
"""


def _started(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _until_it_asks(client: KitaruClient, exec_id: str) -> None:
    until(lambda: client.executions.get(exec_id).status is ExecutionStatus.WAITING, "the question")


@pytest.mark.parametrize("stay", [pytest.param("60", id="runner-stays"), pytest.param("0", id="parked")])
def test_an_answer_from_another_process_moves_the_one_that_waits(place: Place, client: KitaruClient, stay: str) -> None:
    """A process in `.wait()` goes on with the answer, whether its runner stayed or had parked."""
    place.has(FLOWS)
    with place.start(START_AND_WAIT, stay) as process:
        exec_id = _started(process)
        _until_it_asks(client, exec_id)
        wait = client.executions.get(exec_id).pending_wait
        assert wait is not None
        assert (wait.name, wait.question, wait.metadata) == ("approve", "Publish?", {"n": 1})
        assert wait.schema is not None
        assert wait.schema["required"] == ["approved"]
        client.executions.input(exec_id, wait="approve", value={"approved": True, "note": "ok"})
        printed, _ = process.communicate(timeout=PATIENCE)
    assert printed.strip() == "draft True ok"
    assert place.effects("prepare") == 1


def test_the_exit_does_not_wait_for_an_answer(place: Place, client: KitaruClient) -> None:
    """A script without `.wait()` ends at its question; whoever has the flow loaded answers and goes on."""
    place.has(FLOWS)
    exec_id = place.run(START, "600")
    assert client.executions.get(exec_id).status is ExecutionStatus.WAITING
    place.run(ANSWER_WITH_FLOW, exec_id)
    assert client.executions.handle(exec_id).get() == "draft True by model"
    assert place.effects("prepare") == 1


def test_a_process_that_died_while_it_stayed_left_a_waiting_execution(place: Place, client: KitaruClient) -> None:
    """An open question survives its runner: it shows waiting, and an answer goes on with it."""
    place.has(FLOWS)
    with place.start(START_AND_WAIT, "600") as process:
        exec_id = _started(process)
        _until_it_asks(client, exec_id)
        process.kill()
    assert client.executions.get(exec_id).status is ExecutionStatus.WAITING
    place.run(ANSWER_WITH_FLOW, exec_id)
    assert client.executions.handle(exec_id).get() == "draft True by model"


def test_a_wrong_answer_changes_nothing(place: Place, client: KitaruClient) -> None:
    """It is refused by name of the field, and so is one to a wait that is not open."""
    place.has(FLOWS)
    exec_id = place.run(START, "600")
    executions = client.executions
    with pytest.raises(KitaruWaitValidationError, match=r"value\.approved: 'yes' is not of type 'boolean'"):
        executions.input(exec_id, wait="approve", value={"approved": "yes"})
    with pytest.raises(KitaruStateError, match=r"No open wait .* 'review' .*\(open: approve\)"):
        executions.input(exec_id, wait="review", value=True)
    with pytest.raises(KitaruUsageError, match="wait is empty"):
        executions.input(exec_id, wait="", value=True)
    with pytest.raises(KitaruUsageError, match="cannot be written as JSON"):
        executions.input(exec_id, wait="approve", value=object())
    assert executions.get(exec_id).status is ExecutionStatus.WAITING


def test_a_second_answer_is_refused(place: Place, client: KitaruClient) -> None:
    """The first answer wins; the second is told so."""
    place.has(FLOWS)
    exec_id = place.run(START, "600")
    client.executions.input(exec_id, wait="approve", value={"approved": True})
    with pytest.raises(KitaruStateError, match=r"answered by another request|is closed already"):
        client.executions.input(exec_id, wait="approve", value={"approved": False})


def test_an_abort_cancels(place: Place, client: KitaruClient) -> None:
    """An aborted wait ends the execution as cancelled, also under a process that stays for it."""
    place.has(FLOWS)
    with place.start(START_AND_WAIT, "600") as process:
        exec_id = _started(process)
        _until_it_asks(client, exec_id)
        ended = client.executions.abort_wait(exec_id, wait="approve")
        assert (ended.status, ended.status_reason) == (ExecutionStatus.CANCELLED, "Wait condition was aborted.")
        _, errors = process.communicate(timeout=PATIENCE)
    assert f"Execution {exec_id} finished with status 'cancelled'. Wait condition was aborted." in errors


def test_two_waits_of_one_name_are_answered_apart(place: Place, client: KitaruClient) -> None:
    """A name that two open waits share is answered by the wait's id, which the error lists."""
    place.has(FLOWS)
    exec_id = place.run("import flows; print(flows.both.run().exec_id)")
    waits = client.executions.pending_waits(exec_id)
    assert [(wait.wait_id, wait.name) for wait in waits] == [("name", "name"), ("name_2", "name")]
    client.executions.input(exec_id, wait="name_2", value="two")
    client.executions.input(exec_id, wait="name", value="one")
    assert client.executions.handle(exec_id).wait() == ["two", "one"]
