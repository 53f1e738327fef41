"""What a replay copies, replaces, runs again and asks again."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import JsonValue

from kitaru.artifacts import load, save
from kitaru.checkpoints import checkpoint, current_execution_id
from kitaru.core import journal
from kitaru.core.head import State
from kitaru.core.history import Call
from kitaru.core.journal import Answered, Raised, Returned
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Completed, Failed, Outcome, Parked
from kitaru.errors import FailureOrigin, KitaruWaitExpiredError
from kitaru.logs import log
from kitaru.waits import wait
from tests.laws.kit import Bench, affect


class RefusedError(Exception):
    """What a checkpoint raises here."""


@checkpoint
def research(topic: str) -> str:
    """Save and log something, too."""
    affect("research", len(topic))
    save("sources", [topic], type="context", tags=["a"])
    log(length=len(topic))
    return f"notes on {topic}"


@checkpoint
def outline(notes: str) -> str:
    """Another step."""
    affect("outline", len(notes))
    return f"outline of {notes}"


@checkpoint
def write(notes: str) -> str:
    """The step that most of these tests replay from."""
    affect("write", len(notes))
    return f"draft of {notes}"


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


def pipeline(topic: str) -> str:
    """Three steps, one after the other."""
    return write(outline(research(topic)))


def call(bench: Bench, name: str) -> Call:
    """Return the call of this id."""
    return bench.history().calls[name]


def reused(bench: Bench) -> dict[str, str | None]:
    """Return how each call got its outcome, None if its function ran."""
    found: dict[str, str | None] = {}
    for one in bench.history().calls.values():
        assert one.outcome is not None
        found[one.id] = None if one.outcome.reused is None else one.outcome.reused.how
    return found


def effects(bench: Bench) -> list[str]:
    """Return the checkpoints that ran, in order."""
    return [one.name for one in bench.effects]


def run(bench: Bench) -> UserValue:
    """Return what the flow returned, in one attempt."""
    return returned(bench.attempt())


def returned(outcome: Outcome | None) -> UserValue:
    """Return what the flow returned."""
    assert isinstance(outcome, Completed), outcome
    return outcome.value.data


def message(outcome: Outcome | None) -> str:
    """Return the message with which it failed as diverged."""
    assert isinstance(outcome, Failed), outcome
    assert outcome.failure.origin is FailureOrigin.DIVERGENCE
    return outcome.failure.message


def source(flow: UserValue = pipeline, **inputs: JsonValue) -> Bench:
    """Return an execution that was run once."""
    bench = Bench(flow, inputs or {"topic": "cats"})
    bench.attempt()
    return bench


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


def asking(topic: str) -> str:
    """A question before and after a step."""
    first = wait(str, name="first", question="first?")
    notes = research(topic)
    second = wait(str, name="second", question="second?")
    return write(f"{first} {notes} {second}")


def answered_source() -> Bench:
    """Return an execution of it that is finished."""
    bench = source(asking)
    bench.answer("first", "one")
    bench.attempt()
    bench.answer("second", "two")
    assert run(bench) == "draft of one notes on cats two"
    return bench


def test_waits_before_the_frontier_keep_their_answers() -> None:
    """And who answered; later ones are asked again."""
    first = answered_source()
    bench = first.replayed("research")
    assert isinstance(bench.attempt(), Parked)
    waits = bench.history().waits
    old, new = first.history().waits["first"].decision, waits["first"].decision
    assert isinstance(old, Answered)
    assert isinstance(new, Answered)
    assert (new.value, new.request, new.answered_by) == (old.value, old.request, old.answered_by)
    assert new.reused is not None
    assert waits["second"].decision is None
    bench.answer("second", "three")
    assert run(bench) == "draft of one notes on cats three"


def test_a_given_answer_answers_in_advance() -> None:
    """A later wait is not asked; the record says who gave the answer."""
    bench = answered_source().replayed("research", answers={"second": "given"})
    assert run(bench) == "draft of one notes on cats given"
    decision = bench.history().waits["second"].decision
    assert isinstance(decision, Answered)
    assert decision.answered_by == "somebody"
    assert decision.reused is not None
    assert decision.reused.how == "override"


def test_a_given_answer_replaces_an_earlier_one() -> None:
    """Also before the frontier; what then differs runs."""
    bench = answered_source().replayed("write", answers={"first": "given"})
    assert run(bench) == "draft of given notes on cats two"
    assert effects(bench) == ["write"]


def test_a_given_answer_that_does_not_fit_is_asked_for_by_a_retry() -> None:
    """New code may ask for another type: the given answer fails the replay once, then the question is asked."""

    def changed(topic: str) -> str:
        first = wait(str, name="first", question="first?")
        notes = research(topic)
        return f"{first} {notes} {wait(int, name='second', question='second?')}"

    bench = answered_source().replayed("research", answers={"second": "given"}, flow=changed)
    assert isinstance(bench.attempt(), Failed)
    assert isinstance(bench.attempt(), Parked)
    bench.answer("second_2", 7)
    assert run(bench) == "one notes on cats 7"


def expiring(topic: str) -> str:
    """A question that nobody answers."""
    try:
        wait(str, name="ask", deadline=DEADLINE)
    except KitaruWaitExpiredError:
        topic = "nothing"
    return write(topic)


DEADLINE = Bench(pipeline).clock.now()


def test_an_expiry_is_copied() -> None:
    """The body meets it again."""
    first = source(expiring)
    first.expire("ask")
    assert run(first) == "draft of nothing"
    assert run(first.replayed("write")) == "draft of nothing"


def test_a_parked_execution_can_be_replayed() -> None:
    """Its open question is asked again, and the source can still be answered."""
    first = source(asking)
    first.answer("first", "one")
    assert isinstance(first.attempt(), Parked)
    bench = first.replayed("research")
    assert isinstance(bench.attempt(), Parked)
    assert [*bench.history().waits] == ["first", "second"]
    first.answer("second", "two")
    assert run(first) == "draft of one notes on cats two"
    bench.answer("second", "other")
    assert run(bench) == "draft of one notes on cats other"


async def tasks(topics: list[str]) -> list[str]:
    """Two steps each, side by side."""

    async def one(topic: str) -> str:
        notes = await noted(topic)
        return await noted(notes)

    return list(await asyncio.gather(*(one(topic) for topic in topics)))


@checkpoint
async def noted(text: str) -> str:
    """A step of a task."""
    affect("noted", len(text))
    await asyncio.sleep(0)
    return f"{text}!"


def test_other_branches_are_copied() -> None:
    """What began before the frontier's slot was written cannot depend on it, whichever branch it is of."""
    first = source(tasks, topics=["a", "bbbb"])
    bench = first.replayed("noted")
    assert run(bench) == ["a!!", "bbbb!!"]
    assert reused(bench)["noted_2"] == "replay"
    assert {one.key for one in bench.effects} & {1, 2, 4} == {1, 2}


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
