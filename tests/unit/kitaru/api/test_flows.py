"""Starting flows, and holding what was started."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

import kitaru
from kitaru.client import ExecutionStatus, KitaruClient
from kitaru.connect import LocalStack
from kitaru.errors import (
    FailureOrigin,
    KitaruContextError,
    KitaruExecutionError,
    KitaruSerializationError,
    KitaruStateError,
    KitaruUsageError,
    KitaruUserCodeError,
)
from kitaru.handles import FlowHandle


@kitaru.checkpoint
def double(number: int) -> int:
    """Double a number."""
    return number * 2


@kitaru.flow
def doubled(number: int, times: int = 1) -> int:
    """Double a number some times."""
    for _ in range(times):
        number = double(number)
    return number


def test_a_flow_looks_like_its_function() -> None:
    """Name, docstring and module are the function's (F1)."""
    assert (doubled.__name__, doubled.__doc__) == ("doubled", "Double a number some times.")
    assert doubled.__module__ == __name__


@pytest.mark.parametrize(
    ("name", "flow"), [("daily-report", "daily_report"), ("<lambda>", "_lambda_"), ("über", "_ber"), ("", "flow")]
)
def test_a_flow_is_called_like_its_function(name: str, flow: str) -> None:
    """Each character that is no letter, digit or underscore becomes an underscore."""

    def function() -> None:
        pass

    function.__name__ = name
    assert kitaru.flow(function).definition.name == flow


def test_run_and_wait_give_what_the_function_returned(stack: LocalStack) -> None:
    """Arguments go by position and by name, defaults included (F3)."""
    handle = doubled.run(3, times=2, stack=stack)
    assert handle.wait() == 12
    assert handle.get() == 12
    assert handle.status is ExecutionStatus.COMPLETED
    assert handle.exec_id in repr(handle)
    assert doubled.run(number=5, stack=stack).wait() == 10


def test_run_returns_at_once(stack: LocalStack) -> None:
    """The flow runs beside the caller; get() says that it is not finished, status looks each time (F2, F7, F8)."""
    go = threading.Event()

    @kitaru.flow
    def held() -> bool:
        return go.wait(10)

    handle = held.run(stack=stack)
    assert handle.status is ExecutionStatus.RUNNING
    with pytest.raises(KitaruStateError, match="is running: wait for it"):
        handle.get()
    go.set()
    assert handle.wait() is True
    assert handle.status is ExecutionStatus.COMPLETED


def test_an_async_flow_runs_the_same_way(stack: LocalStack) -> None:
    """The handle gives what the coroutine returned."""

    @kitaru.flow
    async def later(word: str) -> str:
        return word.upper()

    assert later.run("x", stack=stack).wait() == "X"


def test_many_flows_at_once(stack: LocalStack) -> None:
    """Executions of one process do not disturb each other."""
    with ThreadPoolExecutor(8) as pool:
        started = [pool.submit(doubled.run, number, stack=stack) for number in range(24)]
    assert [one.result().wait() for one in started] == [2 * number for number in range(24)]


def test_a_direct_call_is_refused() -> None:
    """It would run without a journal; the message says what to do (F18)."""
    with pytest.raises(KitaruUsageError, match=r"doubled\.run\(\.\.\.\) for a FlowHandle"):
        doubled(1)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        pytest.param(partial(doubled.run), "'number'", id="missing"),
        pytest.param(partial(doubled.run, 1, 2, 3), "too many positional", id="too-many"),
        pytest.param(partial(doubled.run, 1, colour=2), "'colour'", id="unknown"),
        pytest.param(partial(doubled.run, "many"), "'number'", id="type"),
    ],
)
def test_inputs_that_do_not_fit_start_nothing(
    stack: LocalStack, call: Callable[..., FlowHandle[int]], field: str
) -> None:
    """They are refused by name before anything is written."""
    with pytest.raises(KitaruUsageError, match=field):
        call(stack=stack)
    assert list(stack.executions.store.list("")) == []


def test_negative_retries_are_refused(stack: LocalStack) -> None:
    """At decoration and at the call (F18)."""
    with pytest.raises(KitaruUsageError, match=r"Flow retries must be >= 0\."):
        kitaru.flow(retries=-1)(lambda: None)
    with pytest.raises(KitaruUsageError, match=r"Flow retries must be >= 0\."):
        doubled.run(1, retries=-1, stack=stack)


@pytest.mark.parametrize(("decorated", "given", "runs"), [(0, None, 1), (2, None, 3), (2, 0, 1), (0, 1, 2)])
def test_a_flow_that_raises_runs_again_as_often_as_it_may(
    stack: LocalStack, decorated: int, given: int | None, runs: int
) -> None:
    """The call's retries stand above the decorator's (F10, F19)."""
    seen: list[int] = []

    @kitaru.flow(retries=decorated)
    def failing() -> None:
        seen.append(1)
        message = "no"
        raise ValueError(message)

    with pytest.raises(KitaruExecutionError):
        failing.run(retries=given, stack=stack).wait()
    assert len(seen) == runs


def test_a_failure_is_told_with_all_that_is_known(stack: LocalStack) -> None:
    """Id, status, origin, the user's exception as the cause, and how to retry (F9)."""

    @kitaru.flow
    def failing(key: str) -> None:
        raise KeyError(key)

    handle = failing.run("colour", stack=stack)
    with pytest.raises(KitaruUserCodeError) as caught:
        handle.wait()
    error = caught.value
    assert (error.exec_id, error.status, error.failure_origin) == (handle.exec_id, "failed", FailureOrigin.USER_CODE)
    assert isinstance(error.__cause__, KeyError)
    assert error.__cause__.args == ("colour",)
    assert str(error) == (
        f"Execution {handle.exec_id} finished with status 'failed'. KeyError: 'colour'\n"
        "To retry this failed execution, run:\n\n"
        f"  kitaru executions retry {handle.exec_id}\n\n"
        f"or in Python: kitaru.KitaruClient().executions.retry({handle.exec_id!r})"
    )
    with pytest.raises(KitaruUserCodeError):
        handle.get()


def test_a_cause_that_cannot_be_imported_is_named(stack: LocalStack) -> None:
    """An exception class that lives in a function stands as KitaruUserCodeError, with its name."""

    class OddError(Exception):
        pass

    @kitaru.flow
    def failing() -> None:
        raise OddError

    with pytest.raises(KitaruUserCodeError) as caught:
        failing.run(stack=stack).wait()
    assert isinstance(caught.value.__cause__, KitaruUserCodeError)
    assert "OddError" in str(caught.value.__cause__)


def test_flows_are_not_started_in_a_body_but_in_a_checkpoint(stack: LocalStack) -> None:
    """A body would start another execution each time that it runs again."""

    @kitaru.checkpoint
    def inner() -> int:
        return doubled.run(4, stack=stack).wait()

    @kitaru.flow
    def good() -> int:
        return inner()

    @kitaru.flow
    def bad() -> int:
        return doubled.run(4, stack=stack).wait()

    assert good.run(stack=stack).wait() == 8
    with pytest.raises(KitaruUserCodeError) as caught:
        bad.run(stack=stack).wait()
    assert isinstance(caught.value.__cause__, KitaruContextError)


class Plain:
    """A value that only pickle keeps."""


def test_only_the_process_that_started_it_unpickles_a_result(stack: LocalStack) -> None:
    """A client that merely looks has to be told to run code of whoever wrote the result."""

    @kitaru.flow
    def plain() -> Plain:
        return Plain()

    handle = plain.run(stack=stack)
    assert isinstance(handle.wait(), Plain)
    executions = KitaruClient(stack).executions
    with pytest.raises(KitaruSerializationError, match="allow_pickle"):
        executions.handle(handle.exec_id).wait()
    assert isinstance(executions.handle(handle.exec_id, allow_pickle=True).wait(), Plain)
