"""Looking at local executions and acting on them, within the process that runs them."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

import kitaru
from kitaru.client import ExecutionStatus, KitaruClient
from kitaru.connect import LocalStack
from kitaru.errors import KitaruExecutionError, KitaruStateError
from kitaru.flows import Flow


@kitaru.checkpoint(type="tool_call")
def measure(city: str) -> int:
    """Leave an artifact and metadata behind."""
    kitaru.save("raw", {"city": city}, type="context")
    kitaru.log(letters=len(city))
    return len(city)


@kitaru.flow
def asked(timeout: float = 30.0) -> str:
    """Ask for a word."""
    size = measure("oslo")
    kitaru.log(size=size)
    word = kitaru.wait(schema=str, name="word", timeout=timeout)
    return word * size


def _until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 8
    while not condition():
        assert time.monotonic() < end, f"waited 8 s for {what}"
        time.sleep(0.01)


@pytest.mark.parametrize("timeout", [30.0, 0.0], ids=["stays", "parks"])
def test_an_answer_moves_an_execution_of_this_process(stack: LocalStack, timeout: float) -> None:
    """It goes on by itself, whether its runner stays or has parked."""
    executions = KitaruClient(stack).executions
    handle = asked.run(timeout=timeout, stack=stack)
    _until(lambda: handle.status is ExecutionStatus.WAITING, "the question")
    assert [wait.name for wait in executions.pending_waits(handle.exec_id)] == ["word"]
    executions.input(handle.exec_id, wait="word", value="a")
    assert handle.wait() == "aaaa"
    done = executions.get(handle.exec_id)
    assert (done.flow_name, done.stack_name, done.metadata) == ("asked", "local", {"size": 4})
    (call,) = done.checkpoints
    assert (call.call_id, call.checkpoint_type, call.metadata) == ("measure", "tool_call", {"letters": 4})
    assert [(one.name, one.kind, one.load()) for one in done.artifacts] == [
        ("measure", "output", 4),
        ("raw", "context", {"city": "oslo"}),
    ]
    assert done.refresh() == done
    assert done.list_checkpoints() == done.checkpoints
    assert done.list_artifacts() == done.artifacts


@pytest.mark.parametrize("timeout", [30.0, 0.0], ids=["stays", "parks"])
def test_a_deadline_answers_with_the_default(stack: LocalStack, timeout: float) -> None:
    """Whoever stays, or waits for a parked execution, notices that the deadline has passed."""

    @kitaru.flow
    def urgent() -> str:
        return kitaru.wait(schema=str, timeout=timeout, deadline=timedelta(seconds=0.1), default="nobody")

    handle = urgent.run(stack=stack)
    _until(lambda: handle.status is ExecutionStatus.WAITING, "the question")
    (asked,) = KitaruClient(stack).executions.pending_waits(handle.exec_id)
    _until(lambda: datetime.now(UTC) > asked.entered_waiting_at + timedelta(seconds=0.1), "the deadline")
    with pytest.raises(KitaruStateError, match="after the wait's deadline"):
        KitaruClient(stack).executions.input(handle.exec_id, wait="wait", value="me")
    assert handle.wait() == "nobody"


def test_a_cancelled_execution_never_completes(stack: LocalStack) -> None:
    """It ends at its next Kitaru call; what ran on is not kept."""
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()

    @kitaru.checkpoint
    def held() -> None:
        begun.set()
        go.wait(8)
        ended.set()

    @kitaru.flow
    def two() -> None:
        held()
        measure("rome")

    handle = two.run(stack=stack)
    assert begun.wait(8)
    execution = KitaruClient(stack).executions.cancel(handle.exec_id)
    assert execution.status is ExecutionStatus.CANCELLED
    with pytest.raises(KitaruExecutionError, match="finished with status 'cancelled'") as caught:
        handle.wait()
    assert (caught.value.exec_id, caught.value.status) == (handle.exec_id, "cancelled")
    go.set()
    assert ended.wait(8)
    assert execution.refresh().status is ExecutionStatus.CANCELLED
    with pytest.raises(KitaruStateError, match="is cancelled: there is nothing to cancel"):
        execution.cancel()


def test_a_failed_execution_is_tried_again(stack: LocalStack) -> None:
    """Same id; finished calls are reused, the failed one runs again."""
    runs: list[str] = []

    @kitaru.checkpoint
    def good() -> int:
        runs.append("good")
        return 1

    @kitaru.checkpoint
    def flaky() -> int:
        runs.append("flaky")
        if runs.count("flaky") == 1:
            message = "not yet"
            raise OSError(message)
        return 2

    @kitaru.flow
    def both() -> int:
        return good() + flaky()

    handle = both.run(stack=stack)
    with pytest.raises(KitaruExecutionError, match="OSError: not yet"):
        handle.wait()
    execution = KitaruClient(stack).executions.get(handle.exec_id)
    assert execution.failure is not None
    assert (execution.failure.checkpoint, execution.failure.exception_type) == ("flaky", "OSError")
    assert execution.retry().exec_id == handle.exec_id
    assert handle.wait() == 3
    assert runs == ["good", "flaky", "flaky"]
    with pytest.raises(KitaruStateError, match="is completed: only one that is failed can be retried"):
        execution.retry()


def test_ids_may_be_cut(stack: LocalStack) -> None:
    """A unique prefix of an id is enough; one that fits several, or none, is refused."""
    executions = KitaruClient(stack).executions
    handles = [asked.run(timeout=0.0, stack=stack) for _ in range(20)]
    assert executions.get(handles[0].exec_id[:20]).exec_id == handles[0].exec_id
    assert executions.handle(handles[0].exec_id[:20]).exec_id == handles[0].exec_id
    shared = next(digit for digit in "0123456789abcdef" if sum(h.exec_id[0] == digit for h in handles) > 1)
    with pytest.raises(LookupError, match="Several executions"):
        executions.get(shared)
    for unknown in ("", "nope", "../x"):
        with pytest.raises(LookupError, match="There is no execution"):
            executions.get(unknown)
    for handle in handles:
        _until(lambda handle=handle: handle.status is ExecutionStatus.WAITING, "the questions")


def _answered(stack: LocalStack, number: int) -> str:
    """Run the flow and answer it the moment that its question can be seen, which is when it parks."""
    executions = KitaruClient(stack).executions
    handle = asked.run(timeout=0.0, stack=stack)
    _until(lambda: bool(executions.pending_waits(handle.exec_id)), "the question")
    executions.input(handle.exec_id, wait="word", value=str(number))
    return handle.wait()


def test_an_answer_in_the_moment_of_parking_is_never_lost(stack: LocalStack) -> None:
    """Forty executions, eight at a time: each goes on with its own answer."""
    with ThreadPoolExecutor(8) as pool:
        words = list(pool.map(partial(_answered, stack), range(40)))
    assert words == [str(number) * 4 for number in range(40)]


def test_a_second_answer_never_slides_to_the_next_question(stack: LocalStack) -> None:
    """The id of a wait that is closed is no name: the error says which waits are open."""

    @kitaru.flow
    def asks_twice() -> list[bool]:
        return [kitaru.wait(schema=bool, name="approve", question=f"step {step}?") for step in (1, 2)]

    handle = asks_twice.run(stack=stack)
    executions = KitaruClient(stack).executions
    _until(lambda: handle.status is ExecutionStatus.WAITING, "the first question")
    executions.input(handle.exec_id, wait="approve", value=True)
    _until(lambda: executions.get(handle.exec_id).closed_waits == ["approve"], "the answer to be taken")
    _until(lambda: bool(executions.pending_waits(handle.exec_id)), "the second question")
    with pytest.raises(KitaruStateError, match=r"'approve' .* is closed already \(open now, by id: approve_2\)"):
        executions.input(handle.exec_id, wait="approve", value=False)
    executions.input(handle.exec_id, wait="approve_2", value=True)
    assert handle.wait() == [True, True]


def test_a_failed_group_is_told_by_what_it_is(stack: LocalStack) -> None:
    """Not by the frame that a traceback draws around it."""

    @kitaru.flow
    def grouped() -> None:
        message = "two at once"
        raise ExceptionGroup(message, [ValueError("a"), KeyError("b")])

    with pytest.raises(KitaruExecutionError, match=r"'failed'\. ExceptionGroup: two at once"):
        grouped.run(stack=stack).wait()


def test_flows_of_one_factory_are_told_apart(stack: LocalStack) -> None:
    """An execution of a closure goes on with that very closure, though a newer one has its name."""

    def make(model: str) -> Flow[str]:
        @kitaru.flow
        def agent(question: str) -> str:
            good = kitaru.wait(schema=bool, name="ok", timeout=0)
            return f"{model} answers {question}: {good}"

        return agent

    cheap, dear = make("cheap"), make("dear")
    executions = KitaruClient(stack).executions
    handles = [flow.run("why?", stack=stack) for flow in (cheap, dear)]
    for handle in handles:
        _until(lambda one=handle: one.status is ExecutionStatus.WAITING, "the question")
        executions.input(handle.exec_id, wait="ok", value=True)
    assert [handle.wait() for handle in handles] == ["cheap answers why?: True", "dear answers why?: True"]
