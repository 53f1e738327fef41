"""What a replay answers, and what it asks again."""

from __future__ import annotations

import asyncio

from kitaru.core.journal import Answered
from kitaru.engine.attempt import Failed, Parked
from kitaru.errors import KitaruWaitExpiredError
from kitaru.waits import wait
from tests.laws.kit import Bench
from tests.unit.kitaru.engine.replayed import (
    effects,
    noted,
    pipeline,
    research,
    run,
    source,
    write,
)


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


async def asked_at_once(questions: list[str]) -> list[str]:
    """Two questions, side by side."""

    async def one(question: str) -> str:
        return str(await wait.submit(str, name="ask", question=question))

    answers = await asyncio.gather(*(one(question) for question in questions))
    return [await noted(answer) for answer in answers]


def test_a_given_answer_in_a_task_whose_question_changed() -> None:
    """The wait at the place of the overridden one gets it; the other one keeps its answer."""
    first = source(asked_at_once, questions=["one", "two"])
    first.answer("ask", "1")
    first.answer("ask_2", "2")
    assert run(first) == ["1!", "2!"]
    bench = first.replayed("noted", inputs={"questions": ["one", "three"]}, answers={"ask_2": "given"})
    assert run(bench) == ["1!", "given!"]
