"""Waits in a `def` flow, and their answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Literal

import pytest
from pydantic import BaseModel, JsonValue

from kitaru.backends.memory import EPOCH
from kitaru.checkpoints import checkpoint
from kitaru.core.head import OpenWait
from kitaru.core.journal import Answered, Expired, Idle, Parked, WaitOpened
from kitaru.core.tagged import UserValue
from kitaru.engine import attempt
from kitaru.engine.attempt import Completed, Failed
from kitaru.errors import KitaruContextError, KitaruUsageError, KitaruWaitExpiredError, KitaruWaitValidationError
from kitaru.waits import wait
from tests.laws.kit import Bench, affect


class Approval(BaseModel):
    """What a person says."""

    approved: bool
    note: str = ""


NAIVE = EPOCH.replace(tzinfo=None)


@checkpoint
def work(key: int) -> int:
    """Do it."""
    affect("work", key)
    return key


def kinds(bench: Bench) -> list[str]:
    """Return the kinds of all records."""
    return [record.kind for slot in bench.slots() for record in slot.records]


def ask() -> str:
    """Ask one question."""
    approval = wait(Approval, name="approve", question="Go?", metadata={"cost": 3})
    return approval.note


def test_park_then_answer() -> None:
    """An attempt parks at the wait; the next one goes on with the answer in the schema's type."""
    bench = Bench(ask)
    parked = bench.attempt()
    assert isinstance(parked, attempt.Parked)
    assert [one.id for one in parked.waits] == ["approve"]
    bench.answer("approve", {"approved": True, "note": "fine"})
    completed = bench.attempt()
    assert isinstance(completed, Completed)
    assert completed.value.data == "fine"
    assert kinds(bench) == ["fence", "wait_opened", "parked", "fence", "answered", "completed"]


def test_wait_says_what_it_asks() -> None:
    """The log holds the question, the schema and the metadata."""
    bench = Bench(ask)
    bench.attempt()
    [opened] = [one for one in bench.slots()[1].records if isinstance(one, WaitOpened)]
    assert (opened.question, opened.metadata) == ("Go?", {"cost": 3})
    assert opened.schema is not None
    assert '"approved"' in opened.schema


@pytest.mark.parametrize(
    ("schema", "answer", "value"),
    [
        pytest.param(bool, True, True, id="bool"),
        pytest.param(list[int], [1, 2], [1, 2], id="list"),
        pytest.param(Literal["a", "b"], "b", "b", id="literal"),
        pytest.param(None, None, None, id="gate"),
        pytest.param(datetime, "2026-01-01T00:00:00Z", EPOCH, id="datetime"),
    ],
)
def test_answer_in_the_type_of_the_schema(schema: UserValue, answer: JsonValue, value: UserValue) -> None:
    """Whatever pydantic knows can be asked for."""

    def flow() -> bool:
        return wait(schema, name="ask") == value

    bench = Bench(flow)
    bench.attempt()
    bench.answer("ask", answer)
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert outcome.value.data is True


def test_answer_while_the_runner_stays() -> None:
    """A runner that stays says so in the journal, and goes on at once when the answer comes."""
    bench = Bench(ask)
    asked: list[tuple[Sequence[OpenWait], float]] = []

    def staying(waits: Sequence[OpenWait], seconds: float) -> bool:
        asked.append((waits, seconds))
        bench.answer("approve", {"approved": False, "note": "quick"})
        return True

    outcome = bench.attempt(stay=60, staying=staying)
    assert isinstance(outcome, Completed)
    assert [(one[0][0].id, one[1]) for one in asked] == [("approve", 60)]
    assert kinds(bench) == ["fence", "wait_opened", "idle", "answered", "completed"]


def test_timeout_is_how_long_the_runner_stays() -> None:
    """It parks when the time is over; a wait's own timeout outweighs the stack's."""

    def flow() -> None:
        wait(name="ask", timeout=30)

    bench = Bench(flow)
    assert isinstance(bench.attempt(stay=600), attempt.Parked)
    assert kinds(bench) == ["fence", "wait_opened", "idle", "parked"]
    assert timedelta(seconds=30) <= bench.clock.now() - EPOCH < timedelta(seconds=32)


def test_stack_may_send_the_runner_home() -> None:
    """A stay that says so ends the attempt as parked before its time is over."""

    def home(_waits: Sequence[OpenWait], _seconds: float) -> bool:
        return False

    assert isinstance(Bench(ask).attempt(stay=600, staying=home), attempt.Parked)


def test_several_waits_are_open_at_once() -> None:
    """Each is answered alone; the last answer moves the body on."""

    def flow() -> list[str]:
        asked = [wait.submit(str, name="ask", question=one) for one in ("a", "b")]
        return [one.result() for one in asked]

    bench = Bench(flow)
    parked = bench.attempt()
    assert isinstance(parked, attempt.Parked)
    assert [one.id for one in parked.waits] == ["ask", "ask_2"]
    bench.answer("ask_2", "second")
    parked = bench.attempt()
    assert isinstance(parked, attempt.Parked)
    assert [one.id for one in parked.waits] == ["ask"]
    bench.answer("ask", "first")
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert outcome.value.data == ["first", "second"]


def deadlined(**default: UserValue) -> Callable[[], UserValue]:
    """Return a flow that asks with a deadline."""

    def flow() -> UserValue:
        try:
            return wait(str, name="ask", deadline=timedelta(hours=1), **default)
        except KitaruWaitExpiredError as error:
            return f"{error.wait} expired"

    return flow


@pytest.mark.parametrize(
    ("flow", "value"),
    [
        pytest.param(deadlined(default="later"), "later", id="default"),
        pytest.param(deadlined(default=None), None, id="default None"),
        pytest.param(deadlined(), "ask expired", id="no default"),
    ],
)
def test_expiry(flow: Callable[[], UserValue], value: UserValue) -> None:
    """When the deadline passed, the wait gives its default, or raises what the body may catch."""
    bench = Bench(flow)
    bench.attempt()
    assert bench.history().waits["ask"].opened.deadline == EPOCH + timedelta(hours=1)
    bench.expire("ask")
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert outcome.value.data == value
    assert isinstance(bench.history().waits["ask"].decision, Expired)


def test_retry_asks_an_expired_wait_again() -> None:
    """Under a new id, because the old one's decision stands for ever."""

    def flow() -> str:
        return wait(str, name="ask", deadline=timedelta(hours=1))

    bench = Bench(flow)
    bench.attempt()
    bench.expire("ask")
    assert isinstance(bench.attempt(), Failed)
    parked = bench.attempt()
    assert isinstance(parked, attempt.Parked)
    assert [one.id for one in parked.waits] == ["ask_2"]
    bench.answer("ask_2", "now")
    assert isinstance(bench.attempt(), Completed)


def test_answer_that_does_not_fit_the_type() -> None:
    """An answer that the schema allowed and the type refuses is an error that the body may catch."""

    def flow() -> str:
        try:
            return str(wait(Approval, name="approve"))
        except KitaruWaitValidationError as error:
            return str(error)

    bench = Bench(flow)
    bench.attempt()
    bench.answer("approve", {"approved": "perhaps"})
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert "value.approved" in str(outcome.value.data)


def test_submitted_call_waits_for_an_answer() -> None:
    """A call whose argument is an answer to come does not keep the attempt from parking."""

    def flow() -> int:
        return work.submit(wait.submit(int, name="ask")).result()

    bench = Bench(flow)
    assert isinstance(bench.attempt(), attempt.Parked)
    bench.answer("ask", 4)
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert outcome.value.data == 4


def test_another_question_never_gets_the_answer() -> None:
    """Questions of one name that are asked in another order get their own answers."""
    order = ["a", "b"]

    def flow() -> dict[str, str]:
        asked = {one: wait.submit(str, name="ask", question=one) for one in order}
        return {name: one.result() for name, one in asked.items()}

    bench = Bench(flow)
    bench.attempt()
    bench.answer("ask", "to a")
    bench.answer("ask_2", "to b")
    order.reverse()
    outcome = bench.attempt()
    assert isinstance(outcome, Completed)
    assert outcome.value.data == {"a": "to a", "b": "to b"}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda: wait(timeout=-1), "timeout=-1 must be >= 0", id="timeout"),
        pytest.param(lambda: wait(default=1), "give deadline= too", id="default alone"),
        pytest.param(lambda: wait(deadline=NAIVE), "has no time zone", id="naive deadline"),
    ],
)
def test_wait_that_makes_no_sense(make: Callable[[], UserValue], words: str) -> None:
    """A wrong option is refused in words that name it."""
    with pytest.raises(KitaruUsageError, match=words):
        make()


@pytest.mark.parametrize("zone", [0, 5])
def test_deadline_is_kept_in_utc(zone: int) -> None:
    """An absolute deadline is the same moment in the log, in UTC."""
    moment = EPOCH.astimezone(timezone(timedelta(hours=zone))) + timedelta(days=1)

    def flow() -> None:
        wait(name="ask", deadline=moment)

    bench = Bench(flow)
    bench.attempt()
    kept = bench.history().waits["ask"].opened.deadline
    assert kept == moment
    assert kept is not None
    assert kept.utcoffset() == timedelta(0)


def test_wait_outside_of_a_flow() -> None:
    """A wait says where it belongs."""
    with pytest.raises(KitaruContextError, match="inside a @flow"):
        wait(name="ask")


def test_records_are_those_of_the_protocol() -> None:
    """The answer's record names the request that won."""
    bench = Bench(ask)
    bench.attempt()
    bench.answer("approve", {"approved": True})
    bench.attempt()
    records = [record for slot in bench.slots() for record in slot.records]
    assert [one.request for one in records if isinstance(one, Answered)] == ["request-approve"]
    assert not any(isinstance(one, Idle) for one in records)
    assert sum(isinstance(one, Parked) for one in records) == 1
