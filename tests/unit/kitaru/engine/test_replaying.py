"""What a replay copies, replaces and runs again."""

from __future__ import annotations

import asyncio

import pytest

from kitaru.artifacts import load
from kitaru.checkpoints import checkpoint, current_execution_id
from kitaru.core import journal
from kitaru.core.head import State
from kitaru.core.journal import Raised, Returned
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Failed, Parked
from kitaru.waits import wait
from tests.laws.kit import Bench, affect
from tests.unit.kitaru.engine.replayed import (
    RefusedError,
    call,
    effects,
    noted,
    outline,
    research,
    returned,
    reused,
    run,
    source,
    write,
)


@checkpoint
def refuse(notes: str) -> str:
    """Fail."""
    affect("refuse", len(notes))
    raise RefusedError(notes)


@checkpoint
def large(topic: str) -> str:
    """Return more than a log takes in itself."""
    affect("large", len(topic))
    return topic * 100_000


@checkpoint
def remember() -> str:
    """Load what this execution's research saved."""
    affect("remember", 0)
    return str(load(str(current_execution_id()), "sources"))


def test_what_comes_before_is_copied() -> None:
    """Outcomes, saved artifacts, logged metadata and ids are carried over, and marked with where they come from."""
    first = source()
    bench = first.replayed("write")
    assert run(bench) == "draft of outline of notes on cats"
    assert effects(bench) == ["write"]
    assert reused(bench) == {"research": "replay", "outline": "replay", "write": None}
    old, new = call(first, "research").outcome, call(bench, "research").outcome
    assert isinstance(old, Returned)
    assert isinstance(new, Returned)
    assert (new.value, new.saved, new.logged) == (old.value, old.saved, old.logged)
    assert new.reused is not None
    assert (new.reused.execution, new.reused.call) == (first.id, "research")
    assert call(bench, "write").replays == "write"


def test_the_first_call_as_frontier_copies_nothing() -> None:
    """All of a sequential body lies behind its first call."""
    bench = source().replayed("research")
    run(bench)
    assert effects(bench) == ["research", "outline", "write"]


def test_a_given_output_is_taken_and_what_depends_on_it_runs() -> None:
    """The overridden call does not run, neither does what began before it; what differs after it runs."""
    bench = source().replayed("write", outputs={"research": "edited"})
    assert run(bench) == "draft of outline of edited"
    assert effects(bench) == ["outline", "write"]
    assert reused(bench) == {"research": "override", "outline": None, "write": None}


def test_a_given_output_that_changes_nothing_keeps_what_follows() -> None:
    """A call after an overridden one, with the same inputs as before, is copied."""
    bench = source().replayed("write", outputs={"research": "notes on cats"})
    run(bench)
    assert reused(bench) == {"research": "override", "outline": "replay", "write": None}


def test_the_call_from_which_is_replayed_can_be_overridden() -> None:
    """Then it does not run either."""
    bench = source().replayed("outline", outputs={"outline": "mine"})
    assert run(bench) == "draft of mine"
    assert effects(bench) == ["write"]


def test_another_input_runs_what_it_changes() -> None:
    """Calls whose inputs are another run, also before the frontier, and are called as before."""
    bench = source().replayed("write", inputs={"topic": "dogs"})
    assert run(bench) == "draft of outline of notes on dogs"
    assert effects(bench) == ["research", "outline", "write"]
    assert [one.replays for one in bench.history().calls.values()] == ["research", "outline", "write"]


def large_flow() -> int:
    """A large value, a step, a question."""
    size = len(large("ab"))
    outline("x")
    wait(name="ask")
    return size


def test_copies_do_not_dangle() -> None:
    """A value in an artifact is copied: once that is done, the replay goes on when the source's artifacts are gone."""
    first = Bench(large_flow)
    first.attempt()
    bench = first.replayed("outline")
    assert isinstance(bench.attempt(), Parked)
    for info in list(first.store.list(first.paths.artifact(""))):
        first.store.delete(info.key)
    bench.answer("ask", None)
    assert returned(bench.attempt()) == 200_000
    assert effects(bench) == ["outline"]


def test_a_call_that_runs_finds_what_was_copied() -> None:
    """Copies are durable before the first call runs, which may load them."""

    def flow(topic: str) -> str:
        research(topic)
        return remember()

    first = source(flow)
    assert run(first.replayed("remember")) == "['cats']"


def caught(topic: str) -> str:
    """A failure that the body catches."""
    notes = research(topic)
    try:
        refuse(notes)
    except RefusedError as error:
        notes = str(error)
    return write(notes)


def test_a_failure_is_copied_too() -> None:
    """The body catches it as it did, and takes the same branch."""
    bench = source(caught).replayed("write")
    assert run(bench) == "draft of notes on cats"
    assert effects(bench) == ["write"]
    outcome = call(bench, "refuse").outcome
    assert isinstance(outcome, Raised)
    assert outcome.reused is not None


def test_a_failed_call_can_be_replayed_from() -> None:
    """It runs again, and so does all that began after it failed."""

    def flow(topic: str) -> str:
        return refuse(outline(research(topic)))

    first = source(flow)
    bench = first.replayed("refuse")
    assert isinstance(bench.attempt(), Failed)
    assert effects(bench) == ["refuse"]


def test_a_retry_of_a_replay_goes_on_as_the_replay() -> None:
    """Its failed call runs again, what was copied stays."""
    fails = [True]

    @checkpoint
    def moody(notes: str) -> str:
        affect("moody", len(notes))
        if fails.pop():
            raise RefusedError(notes)
        return notes.upper()

    fails.append(False)

    def flow(topic: str) -> str:
        return moody(research(topic))

    first = source(flow)
    fails.extend([False, True])
    bench = first.replayed("moody")
    assert isinstance(bench.attempt(), Failed)
    assert run(bench) == "NOTES ON CATS"
    assert effects(bench) == ["moody", "moody"]


def cleaned(topic: str) -> str:
    """A failure that ends in a clean-up, once."""
    notes = research(topic)
    try:
        once(notes)
    except RefusedError:
        outline("clean up")
        raise
    return write(notes)


LEFT: list[bool] = []


@checkpoint
def once(notes: str) -> str:
    """Fail when the list says so."""
    affect("once", len(notes))
    if LEFT.pop():
        raise RefusedError(notes)
    return notes


def test_calls_that_the_last_run_left_are_not_missed() -> None:
    """The clean-up of a run that failed and was tried again is nothing that a replay must do."""
    LEFT[:] = [False, True]
    first = Bench(cleaned, {"topic": "cats"}, retries=1)
    assert run(first) == "draft of notes on cats"
    bench = first.replayed("write")
    assert run(bench) == "draft of notes on cats"
    assert effects(bench) == ["write"]
    assert [*bench.history().calls] == ["research", "once", "write"]


async def tasks(topics: list[str]) -> list[str]:
    """Two steps each, side by side."""

    async def one(topic: str) -> str:
        notes = await noted(topic)
        return await noted(notes)

    return list(await asyncio.gather(*(one(topic) for topic in topics)))


def test_other_branches_are_copied() -> None:
    """What began before the frontier's slot was written cannot depend on it, whichever branch it is of."""
    first = source(tasks, topics=["a", "bbbb"])
    bench = first.replayed("noted")
    assert run(bench) == ["a!!", "bbbb!!"]
    assert reused(bench)["noted_2"] == "replay"
    assert {one.key for one in bench.effects} & {1, 2, 4} == {1, 2}


def test_a_given_output_in_a_task_whose_inputs_changed() -> None:
    """The call at the place of the overridden one gets it, though its inputs are others now."""
    first = source(tasks, topics=["a", "bbbb"])
    bench = first.replayed("noted", inputs={"topics": ["a", "ccc"]}, outputs={"noted_2": "given"})
    assert run(bench) == ["a!!", "given!"]
    assert reused(bench)["noted_2"] == "override"
    assert 3 not in {one.key for one in bench.effects}


TIMES = [0]


def timed(topic: str) -> str:
    """A call whose inputs are others in each run, known by its id."""
    TIMES[0] += 1
    return write(research(f"{topic} {TIMES[0]}", id="mine"))


def test_an_explicit_id_is_found_by_its_id() -> None:
    """Its inputs differ from run to run, and it is copied nevertheless."""
    first = source(timed)
    bench = first.replayed("write")
    assert run(bench) == run_of(first)
    assert effects(bench) == ["write"]
    assert bench.lines.lines[0]["event"] == "differs"


def run_of(bench: Bench) -> UserValue:
    """Return what a finished execution returned."""
    last = bench.slots()[-1].records[-1]
    return last.value.data if isinstance(last, journal.Completed) else None


def test_another_input_also_runs_calls_with_ids() -> None:
    """Where the replay changes an input, an id alone does not make a recorded outcome right."""
    first = source(timed)
    bench = first.replayed("write", inputs={"topic": "dogs"})
    assert "dogs" in str(run(bench))
    assert effects(bench) == ["research", "write"]


def test_a_replay_of_an_execution_that_is_gone_fails() -> None:
    """It says so, and what to do."""
    first = source()
    bench = first.replayed("write")
    first.store.delete(first.paths.spec)
    outcome = bench.attempt()
    assert isinstance(outcome, Failed)
    assert outcome.head.state is State.FAILED
    assert "is gone: start a new execution" in outcome.failure.message


@pytest.mark.parametrize("count", [1, 63, 64, 200])
def test_many_copies_share_slots(count: int) -> None:
    """Nobody waits for a copy: they ride in slots of up to 64."""

    def flow(topic: str) -> int:
        for number in range(count):
            research(f"{topic} {number}")
        outline("end")
        return count

    first = source(flow)
    bench = first.replayed("outline")
    assert run(bench) == count
    assert effects(bench) == ["outline"]
    assert len(bench.slots()) <= 4 + count // 64
