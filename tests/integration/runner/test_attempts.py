"""One attempt is one process: what it leaves in the journal, and with which code it ends."""

import signal

import pytest
from pydantic import JsonValue

from kitaru.backends import log
from kitaru.core.head import State
from kitaru.errors import FailureOrigin
from tests.integration.runner.runners import Execution


def test_a_flow_that_returns_is_completed(execution: Execution) -> None:
    """The attempt ends with 0, the journal has the result, and the last words say so."""
    execution.freeze("agents:steps", topic="tea")
    ended = execution.attempt()
    head = execution.head()
    assert (ended.code, ended.stderr) == (0, "")
    assert head.state is State.COMPLETED
    assert head.result is not None
    assert head.result.data == "TEA!"
    assert ended.words == {"outcome": "Completed", "slots": head.next}
    assert execution.effects == ["first", "second"]


def test_a_wait_parks_and_the_next_attempt_goes_on(execution: Execution) -> None:
    """A wait without an answer ends the process with 0; with one, the next attempt repeats nothing."""
    execution.freeze("agents:parks", topic="tea")
    parked = execution.attempt(1)
    assert (parked.code, execution.head().state) == (0, State.PARKED)
    assert parked.words["waits"] == ["approve"]
    execution.answer("approve", value=True)
    assert execution.attempt(2).code == 0
    assert execution.head().state is State.COMPLETED
    assert execution.effects == ["first", "second"]


def test_a_failure_ends_with_0_and_its_traceback_is_in_both_logs(execution: Execution) -> None:
    """A flow that raises is Failed: an outcome, not a trouble of the machine's."""
    execution.freeze("agents:fails")
    ended = execution.attempt()
    failure = execution.head().failure
    assert (ended.code, execution.head().state) == (0, State.FAILED)
    assert failure is not None
    assert (failure.type, failure.message, failure.call) == ("ArithmeticError", "seven is not eight", "breaks")
    assert ended.words["error"] == "ArithmeticError: seven is not eight"
    assert "raise ArithmeticError(WRONG)" in ended.stderr
    logged = [str(line["traceback"]) for line in execution.lines() if "traceback" in line]
    assert any("raise ArithmeticError(WRONG)" in text for text in logged)


@pytest.mark.parametrize("within", [True, False], ids=["checkpoint", "body"])
def test_a_pod_has_no_keyboard(execution: Execution, *, within: bool) -> None:
    """A KeyboardInterrupt there is the flow's own failure: an attempt without a record would be made again for ever."""
    execution.freeze("agents:interrupted", within=within)
    assert execution.attempt().code == 0
    failure = execution.head().failure
    assert failure is not None
    assert (failure.type, failure.call) == ("KeyboardInterrupt", "halts" if within else None)


def test_what_is_printed_is_in_both_logs_with_its_checkpoint(execution: Execution) -> None:
    """A line of stdout is in the pod's log as it was, and in the execution's with checkpoint, level and time."""
    execution.freeze("agents:steps", topic="tea")
    ended = execution.attempt()
    (line,) = [line for line in execution.lines() if line.get("source") == "stdout"]
    assert ended.stdout == "on tea\n"
    assert (line["message"], line["checkpoint"], line["call"], line["level"]) == ("on tea", "first", "first", "info")
    assert str(line["at"]).endswith("+00:00")


def test_the_retries_of_a_version_stand_above_the_decorators(execution: Execution) -> None:
    """The body runs again in the same attempt as often as spec.json says."""
    execution.retries = 2
    execution.freeze("agents:fails")
    ended = execution.attempt()
    assert (ended.code, execution.head().state) == (0, State.FAILED)
    assert ended.stderr.count("about to break") == 3


@pytest.mark.parametrize(
    ("entrypoint", "named"),
    [
        pytest.param("nowhere:steps", "'nowhere:steps' cannot be imported: ModuleNotFoundError", id="module"),
        pytest.param("agents:nothing", "'agents:nothing': module agents has no 'nothing'", id="attribute"),
        pytest.param("agents:NOT_A_FLOW", "'agents:NOT_A_FLOW' is int, not a flow", id="no-flow"),
        pytest.param("leaves:steps", "'leaves:steps' cannot be imported: SystemExit", id="exits"),
    ],
)
def test_an_entrypoint_that_leads_nowhere_fails_the_execution(
    execution: Execution, entrypoint: str, named: str
) -> None:
    """The failure is the user's, names the entrypoint, and is in both logs."""
    execution.freeze(entrypoint)
    ended = execution.attempt()
    failure = execution.head().failure
    assert (ended.code, execution.head().state) == (0, State.FAILED)
    assert failure is not None
    assert failure.origin is FailureOrigin.USER_CODE
    assert named in failure.message
    assert named in ended.stderr
    assert any(named in str(line["message"]) for line in execution.lines())


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        pytest.param({}, "'topic'", id="missing"),
        pytest.param({"topic": "tea", "depth": 1}, "'depth'", id="unknown"),
        pytest.param({"topic": 7}, "'topic'", id="type"),
    ],
)
def test_inputs_that_do_not_fit_fail_before_the_body(
    execution: Execution, inputs: dict[str, JsonValue], named: str
) -> None:
    """Inputs are checked against the signature; the failure names the parameter and nothing has run."""
    execution.freeze("agents:steps", **inputs)
    assert execution.attempt().code == 0
    failure = execution.head().failure
    assert failure is not None
    assert named in failure.message
    assert execution.effects == []


def test_a_changed_spec_is_not_run(execution: Execution) -> None:
    """A spec.json that is not the frozen one ends the process, and the journal is not touched."""
    execution.freeze("agents:steps", topic="tea")
    ended = execution.attempt(KITARU_SPEC_DIGEST=f"sha256:{'0' * 64}")
    assert (ended.code, ended.words["outcome"]) == (70, "Broken")
    assert "spec.json was changed" in ended.stderr
    assert (execution.head().next, execution.effects) == (0, [])


def test_a_runner_that_is_told_too_little_says_what(execution: Execution) -> None:
    """A missing variable is named, and nothing happens."""
    execution.freeze("agents:steps", topic="tea")
    ended = execution.attempt(KITARU_S3_BUCKET="")
    assert ended.code == 70
    assert "KITARU_S3_BUCKET is not set" in ended.stderr


def test_an_attempt_at_what_is_over_does_nothing(execution: Execution) -> None:
    """A pod that starts after the end writes nothing, and says that it was not its turn."""
    execution.freeze("agents:steps", topic="tea")
    execution.attempt(1)
    slots = execution.head().next
    late = execution.attempt(2)
    assert (late.code, late.words["outcome"]) == (75, "Closed")
    assert (execution.head().next, execution.effects) == (slots, ["first", "second"])


def test_a_second_process_of_one_attempt_does_nothing(execution: Execution) -> None:
    """A container that is started twice: the second one finds the epoch claimed."""
    execution.freeze("agents:steps", topic="tea")
    hold = execution.hold()
    running = execution.start(1)
    execution.await_effect("second")
    assert execution.attempt(1).code == 75
    hold.unlink()
    assert execution.ended(running).code == 0
    assert execution.effects == ["first", "second"]


def test_a_kill_loses_only_the_call_that_ran(execution: Execution) -> None:
    """After kill -9 inside the second checkpoint the next attempt reuses the first one's result."""
    execution.freeze("agents:steps", topic="tea")
    hold = execution.hold()
    running = execution.start(1)
    execution.await_effect("second")
    running.kill()
    assert execution.ended(running).code == -signal.SIGKILL
    hold.unlink()
    assert execution.attempt(2).code == 0
    assert execution.head().state is State.COMPLETED
    assert execution.effects == ["first", "second", "second"]


def test_a_zombie_is_refused(execution: Execution) -> None:
    """A process that lives on after its successor began commits nothing more, and ends."""
    execution.freeze("agents:steps", topic="tea")
    hold = execution.hold()
    zombie = execution.start(1)
    execution.await_effect("second")
    successor = execution.start(2)
    execution.await_effect("second", times=2)
    hold.unlink()
    assert execution.ended(successor).code == 0
    assert execution.ended(zombie).code == 75
    assert execution.head().state is State.COMPLETED
    assert {slot.epoch for slot in log.read_slots(execution.store, execution.paths)[-2:]} == {2}


def test_sigterm_ends_at_the_next_chance(execution: Execution) -> None:
    """After SIGTERM the running call is finished and committed, and the process ends as interrupted."""
    execution.freeze("agents:steps", topic="tea")
    hold = execution.hold()
    running = execution.start(1)
    execution.await_effect("second")
    running.send_signal(signal.SIGTERM)
    hold.unlink()
    ended = execution.ended(running)
    assert (ended.code, ended.words["outcome"]) == (143, "Interrupted")
    assert execution.attempt(2).code == 0
    assert execution.effects.count("first") == 1


def test_sigterm_abandons_a_call_that_does_not_end(execution: Execution) -> None:
    """When the grace is over the process ends under the call; the next attempt runs it again."""
    execution.freeze("agents:steps", topic="tea")
    hold = execution.hold()
    running = execution.start(1, KITARU_GRACE="1")
    execution.await_effect("second")
    running.send_signal(signal.SIGTERM)
    assert execution.ended(running).code == 143
    hold.unlink()
    assert execution.attempt(2).code == 0
    assert execution.effects == ["first", "second", "second"]


def test_sigterm_to_a_child_is_not_the_runners(execution: Execution) -> None:
    """User code that ends its own child processes by SIGTERM does not end the attempt."""
    execution.freeze("agents:forks", topic="tea")
    assert execution.attempt().code == 0
    assert execution.head().state is State.COMPLETED


def test_sigterm_cancels_async_code_at_once(execution: Execution) -> None:
    """A coroutine is cancelled where it awaits, long before the grace is over."""
    execution.freeze("agents:dreams")
    running = execution.start(1)
    execution.await_effect("sleeps")
    running.send_signal(signal.SIGTERM)
    ended = execution.ended(running)
    assert (ended.code, ended.words["outcome"]) == (143, "Interrupted")


def test_a_thread_that_is_left_behind_does_not_keep_the_pod(execution: Execution) -> None:
    """Once the outcome is in the journal the process ends, whatever user code still runs."""
    execution.freeze("agents:leaves_a_thread", topic="tea")
    ended = execution.attempt()
    assert (ended.code, execution.head().state) == (0, State.COMPLETED)


def test_an_isolated_checkpoint_runs_in_a_process_of_the_pod(execution: Execution) -> None:
    """Its result is in the journal, and what it prints in both logs, with its checkpoint."""
    execution.freeze("agents:isolates", topic="tea")
    ended = execution.attempt()
    head = execution.head()
    assert (ended.code, ended.stderr) == (0, "")
    assert head.result is not None
    assert head.result.data == "TEA"
    assert execution.effects == ["far"]
    (line,) = [line for line in execution.lines() if line.get("source") == "stdout"]
    assert (line["checkpoint"], line["call"]) == ("far", "far")
    assert ended.stdout == f"{line['message']}\n"
