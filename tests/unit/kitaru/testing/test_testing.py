"""What users test their flows with: scripted answers, a turned clock, crashes at any commit."""

import time
from datetime import timedelta

import pytest
from pydantic import BaseModel

import kitaru
from kitaru import testing
from kitaru.client import ExecutionStatus, KitaruClient
from kitaru.core.head import OpenWait
from kitaru.core.retrying import Retry
from kitaru.errors import KitaruExecutionError, KitaruUserCodeError, KitaruWaitValidationError
from kitaru.testing import MemoryStack, UnansweredWaitError

#: What the checkpoints did to the world outside.
EFFECTS: list[str] = []


class Approval(BaseModel):
    """An answer."""

    approved: bool
    note: str = ""


@kitaru.checkpoint
def write(topic: str) -> str:
    """Do something to the world outside."""
    EFFECTS.append(topic)
    return topic.upper()


@kitaru.flow
def publish(topic: str) -> str:
    """Write, ask, write again."""
    text = write(topic)
    answer = kitaru.wait(schema=Approval, name="approve", question=f"Publish {text}?")
    return write(f"{text} {answer.note}") if answer.approved else "rejected"


@kitaru.flow
def twice() -> list[str]:
    """Ask two questions of one name."""
    return [kitaru.wait(schema=str, name="word") for _ in range(2)]


@kitaru.flow
def patient() -> str:
    """Ask, for three weeks."""
    return kitaru.wait(schema=str, name="ask", deadline=timedelta(days=21), default="nobody")


@kitaru.checkpoint(retries=Retry(limit=2, delay=3600, max_delay=3600))
def flaky() -> int:
    """Fail twice."""
    EFFECTS.append("try")
    if len(EFFECTS) < 3:
        message = "not yet"
        raise ValueError(message)
    return len(EFFECTS)


@kitaru.flow
def stubborn() -> int:
    """Try until it works."""
    return flaky()


@kitaru.flow
def failing(topic: str) -> str:
    """Do something, then fail."""
    message = f"no {write(topic)}"
    raise ValueError(message)


@pytest.fixture(autouse=True)
def nothing_happened() -> None:
    """Begin each test with a world to which nothing was done."""
    EFFECTS.clear()


def _asked(wait: OpenWait) -> Approval:
    """Answer with the question."""
    return Approval(approved=True, note=wait.question or "")


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        pytest.param(Approval(approved=True, note="!"), "A !", id="model"),
        pytest.param({"approved": False}, "rejected", id="json"),
        pytest.param(_asked, "A PUBLISH A?", id="function"),
    ],
)
def test_answers_are_given_at_once(reply: object, result: str) -> None:
    """A model, JSON, or a function of the open wait."""
    with testing.memory_stack(answers={"approve": reply}) as stack:
        assert publish.run("a", stack=stack).wait() == result


def test_answers_to_one_name_come_in_order() -> None:
    """Those that are given once come before the one that holds for all."""
    with testing.memory_stack(answers={"word": "always"}) as stack:
        stack.answer("word", "once")
        assert twice.run(stack=stack).wait() == ["once", "always"]


def test_a_test_that_nobody_answers_ends() -> None:
    """The error names the wait, and how to answer it."""
    with testing.memory_stack() as stack, pytest.raises(UnansweredWaitError, match=r"'approve'.*answers="):
        publish.run("a", stack=stack).wait()


def test_an_answer_that_does_not_fit_fails_the_test() -> None:
    """The error names the field."""
    answers = {"approve": {"approved": "perhaps"}}
    with testing.memory_stack(answers=answers) as stack, pytest.raises(KitaruWaitValidationError, match="approved"):
        publish.run("a", stack=stack).wait()


def test_weeks_pass_in_a_moment() -> None:
    """A deadline ends when the clock is turned beyond it."""
    with testing.memory_stack() as stack:
        handle = patient.run(stack=stack)
        end = time.monotonic() + 8
        while handle.status is not ExecutionStatus.WAITING:
            assert time.monotonic() < end
            time.sleep(0.01)
        stack.clock.advance(timedelta(days=22))
        assert handle.wait() == "nobody"


def test_delays_between_tries_pass_at_once() -> None:
    """Two delays of an hour take no time, and the clock shows that they passed."""
    with testing.memory_stack() as stack:
        before = stack.clock.now()
        assert stubborn.run(stack=stack).wait() == 3
        assert stack.clock.now() - before > timedelta(hours=1)


def test_nothing_stays_between_stacks() -> None:
    """Each stack has executions of its own."""
    with testing.memory_stack(answers={"approve": {"approved": False}}) as stack:
        exec_id = publish.run("a", stack=stack).exec_id
    with testing.memory_stack() as other, pytest.raises(LookupError):
        KitaruClient(other).executions.get(exec_id)


def _dies(stack: MemoryStack) -> str:
    handle = publish.run("a", stack=stack)
    with pytest.raises(KitaruExecutionError):
        handle.wait()
    failure = KitaruClient(stack).executions.get(handle.exec_id).failure
    assert failure is not None
    assert failure.origin == "runtime"
    return handle.exec_id


def test_what_was_finished_before_a_crash_is_not_repeated() -> None:
    """After its commit a call never runs again."""
    with testing.memory_stack(answers={"approve": {"approved": True}}) as stack:
        stack.crash_after("write_2")
        exec_id = _dies(stack)
        client = KitaruClient(stack)
        client.executions.resume(exec_id)
        assert client.executions.handle(exec_id).wait() == "A "
    assert EFFECTS == ["a", "A "]


def test_what_was_not_finished_at_a_crash_runs_again() -> None:
    """Before its commit nobody knows that it ran."""
    with testing.memory_stack(answers={"approve": {"approved": True}}) as stack:
        stack.crash_before("write_2")
        exec_id = _dies(stack)
        client = KitaruClient(stack)
        client.executions.retry(exec_id)
        assert client.executions.handle(exec_id).wait() == "A "
    assert EFFECTS == ["a", "A ", "A "]


def test_a_flow_survives_each_crash_it_can_meet() -> None:
    """Before and after every commit; a report says how many there were."""
    report = testing.crash_everywhere(publish, "a", answers={"approve": {"approved": True, "note": "!"}})
    assert report.result == "A !"
    assert report.crashes == 2 * report.commits > 8


def test_a_flow_that_fails_must_fail_alike() -> None:
    """A failure is an outcome too."""
    assert testing.crash_everywhere(failing, "a").result is None
    with testing.memory_stack() as stack, pytest.raises(KitaruUserCodeError):
        failing.run("a", stack=stack).wait()


def test_a_flow_that_depends_on_what_is_no_checkpoint_is_found_out() -> None:
    """A crash lets the body run again, and what it did outside of checkpoints with it."""
    counted: list[int] = []

    @kitaru.flow
    def careless() -> int:
        counted.append(1)
        write("a")
        return len(counted)

    with pytest.raises(AssertionError, match="A crash"):
        testing.crash_everywhere(careless)
