"""Replaying local executions: from the flow, from a client, from a snapshot (M5, M6)."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable

import pytest

import kitaru
from kitaru.client import ExecutionStatus, KitaruClient
from kitaru.connect import LocalStack
from kitaru.core.tagged import UserValue
from kitaru.errors import (
    KitaruContextError,
    KitaruDivergenceError,
    KitaruError,
    KitaruStateError,
    KitaruUsageError,
    KitaruWaitValidationError,
)

RAN: list[str] = []
GO = threading.Event()


@dataclasses.dataclass(frozen=True)
class Notes:
    """What research returns."""

    text: str


@kitaru.checkpoint(cache=False)
def research(topic: str) -> Notes:
    """Save and log as well."""
    RAN.append("research")
    kitaru.save("sources", {"topic": topic}, type="context")
    kitaru.log(letters=len(topic))
    return Notes(f"notes on {topic}")


@kitaru.checkpoint(cache=False)
def write(notes: Notes, tone: str) -> str:
    """Write it up."""
    RAN.append("write")
    return f"{tone} {notes.text}"


@kitaru.flow
def pipeline(topic: str, tone: str = "dry") -> str:
    """Two steps."""
    return write(research(topic), tone)


@kitaru.flow
def asking(topic: str) -> str:
    """A step, a question, a step."""
    notes = research(topic)
    sure = kitaru.wait(bool, name="sure", question="sure?", timeout=0)
    return write(notes, "sure" if sure else "unsure")


@kitaru.flow
def blocking() -> None:
    """Run until it is let go."""
    GO.wait(10)


@kitaru.flow
def counted(retries: int) -> str:
    """A flow whose input is called as an option of `.replay()`."""
    return write(research("x" * retries), "dry")


@pytest.fixture
def first(stack: LocalStack) -> str:
    """A finished execution, replayed by the tests."""
    handle = pipeline.run("cats", tone="wry", stack=stack)
    assert handle.wait() == "wry notes on cats"
    RAN.clear()
    return handle.exec_id


def test_all_recorded_inputs_are_carried_over(stack: LocalStack, first: str) -> None:
    """Also the one that has a default."""
    assert pipeline.replay(first, from_="write", stack=stack).wait() == "wry notes on cats"
    assert RAN == ["write"]


def test_what_a_replay_shows(stack: LocalStack, first: str) -> None:
    """Where it and its calls come from; artifacts and metadata of copied calls are its own."""
    handle = pipeline.replay(first, from_="write", stack=stack)
    handle.wait()
    execution = KitaruClient(stack).executions.get(handle.exec_id)
    assert execution.original_exec_id == first
    copied, ran = execution.checkpoints
    assert (copied.call_id, copied.status, copied.reused) == ("research", ExecutionStatus.COMPLETED, "replay")
    assert (copied.original_exec_id, copied.original_call_id) == (first, "research")
    assert (ran.reused, ran.original_exec_id, ran.original_call_id) == (None, None, None)
    assert copied.metadata == {"letters": 4}
    assert {one.name: one.exec_id for one in copied.artifacts} == dict.fromkeys(("research", "sources"), handle.exec_id)


@pytest.mark.parametrize(
    "given",
    [
        {"overrides": {"checkpoint.research": Notes("mine")}},
        {"checkpoint_overrides": {"research": {"output": Notes("mine")}}},
        {"overrides": {"checkpoint.research[1]": Notes("mine")}},
    ],
    ids=["prefixed", "by checkpoint", "n-th"],
)
def test_given_output(stack: LocalStack, first: str, given: dict[str, UserValue]) -> None:
    """Both spellings of the reference; the value keeps its type (M5)."""
    assert pipeline.replay(first, from_="write", stack=stack, dry_run=False, **given).wait() == "wry mine"
    assert RAN == ["write"]


def test_a_large_given_output(stack: LocalStack, first: str) -> None:
    """It is kept as an artifact of the replay."""
    text = "x" * 100_000
    given = {"checkpoint.research": Notes(text)}
    assert pipeline.replay(first, from_="write", stack=stack, overrides=given).wait() == f"wry {text}"


def test_from_a_client_and_a_snapshot(stack: LocalStack, first: str) -> None:
    """Both return a snapshot of the new execution (M5, M6)."""
    executions = KitaruClient(stack).executions
    for replayed in (
        executions.replay(first, from_="write", overrides={"checkpoint.research": Notes("mine")}, tone="new"),
        executions.get(first).replay(
            from_="write", checkpoint_overrides={"research": {"output": Notes("mine")}}, tone="new"
        ),
    ):
        assert replayed.exec_id != first
        assert replayed.original_exec_id == first
        assert executions.handle(replayed.exec_id).wait() == "new mine"
    assert RAN == ["write", "write"]


def test_a_flow_that_has_an_option_for_an_input(stack: LocalStack) -> None:
    """What a flow's parameter is called is an input of it."""
    handle = counted.run(retries=2, stack=stack)
    assert handle.wait() == "dry notes on xx"
    assert counted.replay(handle.exec_id, from_="write", retries=3, stack=stack).wait() == "dry notes on xxx"


def test_a_dry_run_starts_nothing(stack: LocalStack, first: str) -> None:
    """The plan is a value; from a client it is the same."""
    executions = KitaruClient(stack).executions
    plan = pipeline.replay(first, from_="write", stack=stack, dry_run=True, topic="dogs")
    assert (plan.reuse, plan.substitute, plan.run, plan.undecided) == ((), (), ("write",), ("research",))
    assert (plan.exec_id, plan.flow_name, plan.from_, plan.changed) == (first, "pipeline", "write", ("topic",))
    assert plan.inputs == {"topic": "dogs", "tone": "wry"}
    assert executions.replay(first, from_="write", dry_run=True, topic="dogs") == plan
    assert [one.exec_id for one in executions.list()] == [first]
    assert RAN == []


def test_an_input_that_is_given_as_it_was_changes_nothing(stack: LocalStack, first: str) -> None:
    """What counts is the value."""
    plan = pipeline.replay(first, from_="write", stack=stack, dry_run=True, topic="cats")
    assert (plan.changed, plan.reuse) == ((), ("research",))


def answered(stack: LocalStack, *, answer: bool) -> str:
    """Return a finished execution with a question."""
    handle = asking.run("cats", stack=stack)
    executions = KitaruClient(stack).executions
    while handle.status is not ExecutionStatus.WAITING:
        stack.executions.await_change(handle.exec_id, 0.05)
    executions.input(handle.exec_id, wait="sure", value=answer)
    handle.wait()
    return handle.exec_id


@pytest.mark.parametrize("spelling", ["overrides", "wait_overrides"])
def test_given_answer(stack: LocalStack, spelling: str) -> None:
    """Nobody is asked; the answer is validated at the door."""
    source = answered(stack, answer=True)
    name = "wait.sure" if spelling == "overrides" else "sure"
    given: dict[str, UserValue] = {spelling: {name: False}}
    handle = asking.replay(source, from_="research", stack=stack, dry_run=False, **given)
    assert handle.wait() == "unsure notes on cats"
    wrong: dict[str, UserValue] = {spelling: {name: "perhaps"}}
    with pytest.raises(KitaruWaitValidationError, match="The answer to 'sure' does not fit: value: 'perhaps'"):
        asking.replay(source, from_="research", stack=stack, **wrong)


def test_a_waiting_execution_can_be_replayed(stack: LocalStack) -> None:
    """Its own question stays open, and the plan says what will be asked."""
    handle = asking.run("cats", stack=stack)
    while handle.status is not ExecutionStatus.WAITING:
        stack.executions.await_change(handle.exec_id, 0.05)
    plan = asking.replay(handle.exec_id, from_="research", stack=stack, dry_run=True)
    assert (plan.run, plan.asked, plan.kept, plan.answered) == (("research",), ("sure",), (), ())
    replayed = asking.replay(handle.exec_id, from_="research", stack=stack, wait_overrides={"sure": True})
    assert replayed.wait() == "sure notes on cats"
    assert handle.status is ExecutionStatus.WAITING


REFUSED: dict[str, tuple[dict[str, UserValue], type[KitaruError], str]] = {
    "empty from_": ({"from_": ""}, KitaruUsageError, "The selector of a call is empty"),
    "unknown from_": ({"from_": "nothing"}, KitaruStateError, "No call is 'nothing': give one of research, write."),
    "unknown override": ({"overrides": {"checkpoint.x": 1}}, KitaruStateError, "No call is 'x': give one of"),
    "unknown wait": ({"wait_overrides": {"x": 1}}, KitaruStateError, "No wait is 'x': give one of (none)."),
    "other key": ({"overrides": {"research": 1}}, KitaruUsageError, "'research' is no key"),
    "unknown input": ({"colour": 1}, KitaruUsageError, "colour"),
    "wrong input": ({"topic": 3}, KitaruUsageError, "'topic': Input should be a valid string"),
    "cannot be kept": ({"overrides": {"checkpoint.research": GO}}, KitaruError, "research → override"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(stack: LocalStack, first: str, case: str) -> None:
    """Nothing has started then."""
    given, kind, message = REFUSED[case]
    asked: dict[str, UserValue] = {"from_": "write", **given}
    with pytest.raises(kind) as caught:
        pipeline.replay(first, stack=stack, **asked)
    assert message in str(caught.value)
    assert len(KitaruClient(stack).executions.list()) == 1


def test_unknown_input_without_the_flow(stack: LocalStack, first: str) -> None:
    """A client knows a flow's inputs from the recording."""
    with pytest.raises(KitaruUsageError, match=r"The flow 'pipeline' has no input 'colour' \(it has: topic, tone\)"):
        KitaruClient(stack).executions.replay(first, from_="write", colour=1)


def test_an_unknown_execution(stack: LocalStack) -> None:
    """It is a `LookupError`, as everywhere."""
    with pytest.raises(LookupError, match="There is no execution 'nothing'"):
        pipeline.replay("nothing", from_="write", stack=stack)


def test_another_flows_execution_is_refused(stack: LocalStack, first: str) -> None:
    """Its code could not make the recorded calls."""
    with pytest.raises(KitaruUsageError, match="is one of the flow 'pipeline', and not of 'asking'"):
        asking.replay(first, from_="write", stack=stack)


def test_a_running_execution_is_refused(stack: LocalStack) -> None:
    """What it will record is not known yet."""
    GO.clear()
    handle = blocking.run(stack=stack)
    try:
        with pytest.raises(KitaruStateError, match="is running: it can be replayed once it waits or is finished"):
            blocking.replay(handle.exec_id, from_="write", stack=stack)
    finally:
        GO.set()
        handle.wait()


def test_a_body_cannot_replay(stack: LocalStack) -> None:
    """As it cannot run or invoke."""

    @kitaru.flow
    def nested() -> None:
        pipeline.replay("any", from_="write")

    with pytest.raises(kitaru.KitaruExecutionError) as caught:
        nested.run(stack=stack).wait()
    assert isinstance(caught.value.__cause__, KitaruContextError)


def test_a_client_replays_a_closure_of_this_process(stack: LocalStack) -> None:
    """What no other process can load is replayed by the one that started it."""

    def made(tone: str) -> UserValue:
        @kitaru.flow
        def closure(topic: str) -> str:
            return write(research(topic), tone)

        return closure

    flows = [made("first"), made("second")]
    handle = flows[0].run("cats", stack=stack)
    handle.wait()
    executions = KitaruClient(stack).executions
    replayed = executions.replay(handle.exec_id, from_="write")
    assert executions.handle(replayed.exec_id).wait() == "first notes on cats"


def variant(body: Callable[..., str]) -> UserValue:
    """Return another flow that is called `pipeline`."""
    body.__name__ = "pipeline"
    return kitaru.flow(body)


def test_other_code_that_diverges(stack: LocalStack, first: str) -> None:
    """The failure of the new execution shows both sequences."""

    def other(topic: str, tone: str) -> str:
        return write(Notes(topic), tone)

    handle = variant(other).replay(first, from_="write", stack=stack)
    with pytest.raises(KitaruDivergenceError) as caught:
        handle.wait()
    assert caught.value.failure_origin is kitaru.FailureOrigin.DIVERGENCE
    assert "- research\n" in str(caught.value)
    assert RAN == []


def test_other_code_behind_the_frontier(stack: LocalStack, first: str) -> None:
    """It runs as it is now; a parameter that is gone is left out."""

    def shorter(topic: str) -> str:
        return write(research(topic), "new")

    assert variant(shorter).replay(first, from_="write", stack=stack).wait() == "new notes on cats"
    assert RAN == ["write"]
