"""Calls of checkpoints in a `def` flow's body."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable

from kitaru.checkpoints import checkpoint, current_call, current_execution_id, unmapped
from kitaru.core import encoding
from kitaru.core.journal import Begun, Raised, Returned, Tried
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Completed, Failed
from kitaru.errors import KitaruSerializationError
from tests.laws.kit import Bench, affect


@checkpoint
def double(number: int) -> int:
    """Double it."""
    affect("double", number)
    return number * 2


@checkpoint
def total(numbers: list[int], plus: int = 0) -> int:
    """Add them up."""
    return sum(numbers) + plus


@checkpoint
def boom(text: str) -> None:
    """Fail."""
    affect("boom", 0)
    raise ValueError(text)


@checkpoint(retries=2)
def third_time(key: int) -> int:
    """Succeed in the third try."""
    affect("third_time", key)
    if current_call().number < 3:
        message = "not yet"
        raise ValueError(message)
    return key


@checkpoint
def key_of() -> str:
    """Return the key for the outside world."""
    return current_call().idempotency_key


@checkpoint
def mirror(value: str) -> str:
    """Return it."""
    return value


@checkpoint
def hold(value: UserValue) -> int:
    """Do nothing with it."""
    return len(value)


@checkpoint
async def later(number: int) -> int:
    """Double it, in a while."""
    await asyncio.sleep(0)
    return number * 2


def complete(flow: Callable[..., UserValue], **inputs: int) -> UserValue:
    """Run the flow to its end and return its result as it lies in the journal."""
    outcome = Bench(flow, inputs).attempt()
    assert isinstance(outcome, Completed), outcome
    return outcome.value.data


def ids(bench: Bench) -> list[str]:
    """Return the ids of the calls, as they began."""
    return list(bench.history().calls)


def test_call_gives_the_plain_value() -> None:
    """What a call returns can be computed with."""

    def flow(number: int) -> str:
        return f"{double(number) + 1}" if double(number) else ""

    assert complete(flow, number=4) == "9"


def test_submitted_calls_run_beside_the_body() -> None:
    """Two submitted calls that wait for each other both end."""
    meeting = threading.Barrier(2, timeout=5)

    @checkpoint
    def meet(key: int) -> int:
        meeting.wait()
        return key

    def flow() -> list[int]:
        futures = [meet.submit(key) for key in range(2)]
        return [one.result() for one in futures]

    assert complete(flow) == [0, 1]


def test_futures_are_arguments() -> None:
    """A future among the arguments, or in a list of them, stands for its result."""

    def flow() -> int:
        numbers = double.map([1, 2, 3])
        one = total.submit(numbers, plus=double.submit(5))
        return total([1, 2], after=[one]) + one.load()

    assert complete(flow) == 3 + 12 + 10


def test_map_and_product() -> None:
    """Lists are mapped, scalars and what is unmapped go to every call."""

    def flow() -> list[list[int]]:
        mapped = total.map([[1], [2]], 10).result()
        product = total.product([[1], [2]], [10, 20]).result()
        whole = total.map(unmapped([1, 2]), [10, 20]).result()
        return [mapped, product, whole]

    assert complete(flow) == [[11, 12], [11, 21, 12, 22], [13, 23]]


def test_async_checkpoint_in_a_def_flow() -> None:
    """A submitted async call runs on a loop of the attempt's."""

    def flow() -> list[int]:
        return later.map([1, 2, 3]).result()

    assert complete(flow) == [2, 4, 6]


def test_retries_are_counted_in_the_journal() -> None:
    """Each failed try is durable before the next one begins."""

    def flow() -> int:
        return third_time(7)

    bench = Bench(flow)
    assert isinstance(bench.attempt(), Completed)
    slots = [[type(one) for one in slot.records] for slot in bench.slots()[1:4]]
    assert slots == [[Begun, Tried], [Tried], [Returned]]
    assert Counter(one.name for one in bench.effects) == {"third_time": 3}


def test_tries_are_counted_over_attempts() -> None:
    """A call whose process died during its second try goes on with the third."""

    def flow() -> int:
        return third_time(7)

    whole = Bench(flow)
    whole.attempt()
    bench = Bench(flow, epoch=1, id=whole.id)
    for number, slot in enumerate(whole.slots()[:3]):
        bench.store.create(bench.paths.slot(number), encoding.encode_slot(slot))
    assert isinstance(bench.attempt(), Completed)
    assert len(bench.effects) == 1
    assert bench.effects[0].token == whole.effects[0].token


def test_last_failure_is_history() -> None:
    """The body gets the rebuilt exception, whose chain is as it was."""

    def flow() -> str:
        try:
            boom("no")
        except ValueError as error:
            return str(error.args)
        return ""

    bench = Bench(flow)
    bench.attempt()
    [call] = bench.history().calls.values()
    assert isinstance(call.outcome, Raised)
    assert call.outcome.failure.call == "boom"
    assert "in boom" in call.outcome.failure.traceback


def test_flow_retry_runs_the_failed_call_again() -> None:
    """A retry of the flow releases the call that failed it, and reuses what is finished."""
    tries: list[int] = []

    @checkpoint
    def second_time() -> int:
        tries.append(1)
        if len(tries) < 2:
            message = "not yet"
            raise ValueError(message)
        return 5

    def flow() -> int:
        return double(1) + second_time()

    bench = Bench(flow, retries=1)
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert outcome.value.data == 7
    assert Counter(one.name for one in bench.effects) == {"double": 1}


def test_granted_retry_runs_the_failed_call_again() -> None:
    """An attempt after a failure runs the call again that failed it, under its old id."""
    broken = [True]

    @checkpoint
    def fragile() -> int:
        if broken:
            message = "broken"
            raise ValueError(message)
        return 5

    def flow() -> int:
        return double(1) + fragile()

    bench = Bench(flow)
    assert isinstance(bench.attempt(), Failed)
    broken.clear()
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert ids(bench) == ["double", "fragile"]
    assert Counter(one.name for one in bench.effects) == {"double": 1}


def test_call_ids_and_keys() -> None:
    """Repeated calls are numbered; equal calls have different keys."""

    def flow() -> list[str]:
        return [key_of(), key_of(), key_of(id="mine")]

    bench = Bench(flow)
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert ids(bench) == ["key_of", "key_of_2", "mine"]
    assert isinstance(outcome.value.data, list)
    assert len(set(map(str, outcome.value.data))) == 3


def test_large_values_become_artifacts() -> None:
    """A result over 64 KiB lies in the store, and its replay gives it back."""

    def flow() -> int:
        text = mirror("x" * 100_000)
        again = mirror(text)
        return len(again)

    bench = Bench(flow)
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert outcome.value.data == 100_000
    first = bench.history().calls["mirror"].outcome
    assert isinstance(first, Returned)
    assert first.value.artifact is not None
    assert first.value.data is None


def test_unkept_result_names_call_and_path() -> None:
    """A result that cannot be kept is an error with the call's id and the path inside the value."""

    @checkpoint
    def make() -> dict[str, UserValue]:
        return {"items": [1, threading.Lock()]}

    def flow() -> str:
        try:
            make()
        except KitaruSerializationError as error:
            return str(error)
        return ""

    assert str(complete(flow)).startswith('make → result["items"][1] cannot be kept')


def test_execution_id() -> None:
    """The execution's id is known in the flow and in its checkpoints, and nowhere else."""

    @checkpoint
    def inside() -> str | None:
        return current_execution_id()

    def flow() -> list[str | None]:
        return [current_execution_id(), inside()]

    bench = Bench(flow)
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert outcome.value.data == [bench.id, bench.id]
    assert current_execution_id() is None


def test_own_parameter_called_after() -> None:
    """A function that has a parameter of an option's name keeps it for itself."""

    @checkpoint
    def fetch(after: int) -> int:
        return after

    def flow() -> int:
        return fetch(after=3)

    assert complete(flow) == 3


def test_calls_that_nobody_awaits_end_with_the_flow() -> None:
    """The flow is not over before its submitted calls are."""
    release = threading.Event()

    @checkpoint
    def slow() -> int:
        release.wait(5)
        return 1

    def flow() -> str:
        slow.submit()
        threading.Timer(0.05, release.set).start()
        return "done"

    bench = Bench(flow)
    assert isinstance(bench.attempt(), Completed)
    assert bench.history().calls["slow"].finished
