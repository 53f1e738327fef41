"""Artifacts and metadata that user code keeps beside its results."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kitaru.artifacts import load, save
from kitaru.checkpoints import checkpoint
from kitaru.core import spec
from kitaru.core.journal import Raised, Returned
from kitaru.core.tagged import UserValue
from kitaru.engine import attempt
from kitaru.engine.attempt import Completed
from kitaru.errors import KitaruContextError, KitaruRuntimeError, KitaruUsageError
from kitaru.logs import log
from kitaru.waits import wait
from tests.laws.kit import Bench

BIG = "x" * 100_000


@checkpoint
def produce(text: str) -> str:
    """Save some things and log some."""
    save("draft", "first")
    save("draft", text, type=" Response ", tags=["a"])
    save("big", BIG)
    log(cost={"a": 1}, model="m")
    log(cost={"b": 2}, model="n")
    return text.upper()


@checkpoint
def consume(exec_id: str, name: str) -> str:
    """Load what an execution has under a name."""
    try:
        return str(load(exec_id, name))
    except KitaruRuntimeError as error:
        return str(error)


@checkpoint
def fail() -> None:
    """Save something, then fail."""
    save("evidence", [1, 2])
    log(seen=True)
    message = "no"
    raise ValueError(message)


def test_saved_with_the_result() -> None:
    """What a call saved and logged lies in the record of its end; the last of a name wins."""

    def flow() -> str:
        return produce("text")

    bench = Bench(flow)
    assert isinstance(bench.attempt(), Completed)
    end = bench.history().calls["produce"].outcome
    assert isinstance(end, Returned)
    assert [(one.name, one.kind, one.tags) for one in end.saved] == [
        ("draft", "response", ("a",)),
        ("big", "output", ()),
    ]
    assert end.saved[0].value.data == "text"
    assert end.saved[1].value.artifact is not None
    assert end.logged == {"cost": {"a": 1, "b": 2}, "model": "n"}


def test_saved_with_the_failure() -> None:
    """A call that fails keeps what it saved in its last try."""

    def flow() -> str:
        with pytest.raises(ValueError, match="no"):
            fail()
        return "done"

    bench = Bench(flow)
    assert isinstance(bench.attempt(), Completed)
    end = bench.history().calls["fail"].outcome
    assert isinstance(end, Raised)
    assert ([one.name for one in end.saved], end.logged) == (["evidence"], {"seen": True})


@pytest.mark.parametrize(
    ("name", "found"),
    [
        pytest.param("draft", "text", id="saved"),
        pytest.param("big", BIG, id="saved, large"),
        pytest.param("produce", "TEXT", id="checkpoint"),
        pytest.param("nothing", "has nothing called 'nothing'", id="none"),
    ],
)
@pytest.mark.parametrize("own", [True, False])
def test_load(name: str, found: str, *, own: bool) -> None:
    """A checkpoint loads by name what this or another execution saved or returned."""

    def producer() -> str:
        return produce("text")

    def flow(exec_id: str) -> str:
        if own:
            produce("text")
        return consume(exec_id, name)

    other = Bench(producer)
    other.attempt()
    bench = Bench(flow, store=other.store)
    bench.inputs = {"exec_id": bench.id if own else other.id}
    other.store.put(other.paths.spec, spec.encode(_spec(other)))
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    end = bench.history().calls["consume"].outcome
    assert isinstance(end, Returned)
    result = end.value.data or BIG
    assert found in str(result)


def _spec(bench: Bench) -> spec.Spec:
    return spec.Spec(
        namespace="test",
        name=bench.id,
        uid=bench.id,
        flow="flow",
        entrypoint="m:flow",
        created_at=bench.clock.now(),
    )


def test_load_of_several_and_of_none() -> None:
    """Two calls of a name are told apart by their ids; an unknown execution is an error."""

    def flow() -> list[str]:
        produce("one")
        produce("two")
        return [consume(bench.id, "produce"), consume(bench.id, "produce_2"), consume("x", "y")]

    bench = Bench(flow)
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert isinstance(outcome.value.data, list)
    several, second, unknown = outcome.value.data
    assert "has 2 values called 'produce'" in str(several)
    assert second == "TWO"
    assert "There is no execution x" in str(unknown)


def test_metadata_of_the_execution() -> None:
    """What the body logs is the execution's; a body that runs again does not say it twice."""

    def flow() -> None:
        log(stage=1, cost={"a": 1})
        log(stage=2, cost={"b": 2})
        wait(name="ask")
        log(stage=1)

    bench = Bench(flow)
    assert isinstance(bench.attempt(), attempt.Parked)
    bench.answer("ask", None)
    assert isinstance(bench.attempt(), Completed)
    assert bench.history().metadata == {"stage": 1, "cost": {"a": 1, "b": 2}}
    records = [record.kind for slot in bench.slots() for record in slot.records]
    assert records.count("logged") <= 5


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: save("a", 1), id="save"),
        pytest.param(lambda: load("e", "a"), id="load"),
        pytest.param(lambda: log(a=1), id="log"),
    ],
)
def test_outside(make: Callable[[], UserValue]) -> None:
    """Outside of a flow each says where it belongs."""
    with pytest.raises(KitaruContextError, match="can only be called inside"):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda: save("a", 1, type="picture"), "use one of prompt", id="kind"),
        pytest.param(lambda: log(a=object()), "metadata must be JSON", id="metadata"),
        pytest.param(lambda: log(a=b"\xff"), "metadata must be JSON", id="bytes that are no text"),
    ],
)
def test_usage(make: Callable[[], UserValue], words: str) -> None:
    """A wrong argument is refused in words that name it."""
    with pytest.raises(KitaruUsageError, match=words):
        make()
