"""What becomes of the next call or wait of a replay's body, decision by decision."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from kitaru.core import values
from kitaru.core.history import Call, Place
from kitaru.core.matching import Asked
from kitaru.core.recordings import Recording
from kitaru.core.replay import CallDecision, Claims, Diverged, Reuse, Run, Script, Substitute, WaitDecision
from kitaru.core.spec import Replay
from tests.unit.kitaru.core.recorded import answered, asked, began, ended, read, returned, script

#: a and b one after the other, then c, which is replayed from, then d; a question after b.
RECORDING = read(
    (began("a", 1), returned("a")),
    (began("b", 2), returned("b")),
    (asked("w", 3),),
    (answered("w"),),
    (began("c", 5), returned("c")),
    (began("d", 6), returned("d")),
    (ended(),),
)
DIED = Recording(calls=RECORDING.calls, waits=RECORDING.waits, complete=False)


def call(name: str, inputs: str | None = None, scope: str = "") -> Asked:
    """Ask for the first call of a name, with its recorded inputs or others."""
    return Asked(place=Place(scope=scope, name=name, occurrence=1), inputs=inputs or f"of {name}")


def question(inputs: str = "") -> Asked:
    """Ask the recorded question, or another one."""
    recorded = RECORDING.waits["w"].entry
    return Asked(place=recorded.place, inputs=inputs or recorded.inputs)


def claims_of(plan: Script, calls: Mapping[str, str] | None = None, waits: Mapping[str, str] | None = None) -> Claims:
    """Return the claims of a run whose own log has entries for these recorded ones."""
    return Claims(plan, calls or {}, waits or {})


def decide(claims: Claims, asked_: Asked, *, sequential: bool = True, moved: bool = False) -> CallDecision:
    """Decide a call."""
    return claims.call(asked_, sequential=sequential, moved=moved)


def entry(name: str) -> Call:
    """Return the recorded call."""
    return RECORDING.calls[name].entry


def test_the_recorded_calls_in_turn() -> None:
    """Copied before the frontier, run behind it; then nothing is missing."""
    claims = claims_of(script(RECORDING, "c"))
    assert decide(claims, call("a")) == Reuse(entry("a"), differs=False)
    assert decide(claims, call("b")) == Reuse(entry("b"), differs=False)
    assert decide(claims, call("c")) == Run("c", "c")
    assert decide(claims, call("d"), moved=True) == Run("d", "d")
    assert claims.missing() == ()


@pytest.mark.parametrize("inputs", ["0 before all", "zzz after all"])
@pytest.mark.parametrize("explicit", [False, True], ids=["place", "id"])
def test_other_inputs_before_the_frontier(inputs: str, *, explicit: bool) -> None:
    """Copied with a remark when nothing of the execution's own could be the reason, else run."""
    recording = with_ids() if explicit else RECORDING
    wanted = Asked(place=call("a").place, inputs=inputs, explicit="a" if explicit else None)
    found = decide(claims_of(script(recording, "c")), wanted)
    assert found == Reuse(recording.calls["a"].entry, differs=True)
    assert decide(claims_of(script(recording, "c")), wanted, moved=True) == Run("a", "a")
    assert decide(claims_of(script(recording, "c", {"changed": ("x",)})), wanted) == Run("a", "a")


def with_ids() -> Recording:
    """Return a recording of a call with an id of the user's, and one behind it."""
    mine = dataclasses.replace(began("a", 1), explicit=True)
    return read((mine, returned("a")), (began("c", 2), returned("c")), (ended(),))


def test_an_id_with_its_inputs() -> None:
    """Nothing differs."""
    recording = with_ids()
    wanted = Asked(place=call("a").place, inputs="of a", explicit="a")
    assert decide(claims_of(script(recording, "c")), wanted) == Reuse(recording.calls["a"].entry, differs=False)


def test_an_id_is_no_other_calls_id() -> None:
    """An id that the user gives is not that of a call which got it by its number."""
    wanted = Asked(place=call("a").place, inputs="of a", explicit="b")
    assert decide(claims_of(script(RECORDING, "c")), wanted) == Diverged(unknown=wanted)
    assert decide(claims_of(script(RECORDING, "c")), wanted, moved=True) == Run(None, "a")


@pytest.mark.parametrize("sequential", [True, False])
def test_an_unknown_call(*, sequential: bool) -> None:
    """It diverges until something moved; where the recording broke off, only in a sequential body."""
    wanted = call("x")
    claims = claims_of(script(RECORDING, "c"))
    assert decide(claims, wanted, sequential=sequential) == Diverged(unknown=wanted)
    assert decide(claims, wanted, sequential=sequential, moved=True) == Run(None, None)
    died = decide(claims_of(script(DIED, "c")), wanted, sequential=sequential)
    assert died == (Diverged(unknown=wanted) if sequential else Run(None, None))


def test_an_unknown_call_has_the_id_of_its_place() -> None:
    """When nobody else has it."""
    claims = claims_of(script(RECORDING, "c"))
    assert decide(claims, call("a", "other"), sequential=False, moved=True) == Run(None, "a")
    assert decide(claims, call("a"), sequential=False, moved=True) == Reuse(entry("a"), differs=False)
    assert decide(claims, call("a", "other"), sequential=False, moved=True) == Run(None, None)


def test_what_was_lent_is_asked_for() -> None:
    """A call that got another's outcome by its place: when the owner comes, the calls have shifted."""
    claims = claims_of(script(RECORDING, "c"))
    assert decide(claims, call("a", "new")) == Reuse(entry("a"), differs=True)
    late = Asked(place=Place(scope="", name="a", occurrence=2), inputs="of a")
    assert decide(claims, late) == Diverged(unknown=late)
    assert decide(claims, late, moved=True) == Run(None, None)


def test_what_an_attempt_before_lent_is_asked_for() -> None:
    """Its own log says so: an entry that stands for a recorded one, with other inputs."""
    late = Asked(place=Place(scope="", name="a", occurrence=2), inputs="of a")
    assert decide(claims_of(script(RECORDING, "c"), calls={"a": "new"}), late) == Diverged(unknown=late)
    assert decide(claims_of(script(TWICE, "c"), calls={"a": "new"}), late) == Diverged(unknown=late)
    assert decide(claims_of(script(TWICE, "c"), calls={"a": "of a"}), late) == Reuse(
        TWICE.calls["a_2"].entry, differs=True
    )


def test_shifted_calls_are_noticed_at_once() -> None:
    """One that was put in takes the first outcome by its place; the first call then asks for its own."""
    claims = claims_of(script(TWICE, "c"))
    assert decide(claims, call("a", "new")) == Reuse(TWICE.calls["a"].entry, differs=True)
    late = Asked(place=Place(scope="", name="a", occurrence=2), inputs="of a")
    assert decide(claims, late) == Diverged(unknown=late)


#: A call twice, with two inputs, then another.
TWICE = read(
    (began("a", 1), returned("a")),
    (began("a_2", 2), returned("a_2")),
    (began("c", 3), returned("c")),
    (ended(),),
)


def test_at_one_place_what_the_last_run_made_counts() -> None:
    """Not what a run before it had made there and the last one left."""
    left = read(
        (began("a", 1, "1"), returned("a")),
        (dataclasses.replace(began("a_2", 2, "1"), occurrence=1), returned("a_2")),
        (began("c", 3), returned("c")),
        (ended("a"),),
    )
    plan = script(left, "c", {"outputs": ("a", "a_2")})
    wanted = call("a", "other", scope="1")
    assert decide(claims_of(plan), wanted, sequential=False) == Substitute(left.calls["a_2"].entry)


def test_a_skipped_call() -> None:
    """A body that comes to the frontier and has left a call out diverges, if it is sequential; else at its end."""
    claims = claims_of(script(RECORDING, "c"))
    decide(claims, call("a"))
    assert decide(claims, call("c")) == Diverged(missing=("b",))
    claims = claims_of(script(RECORDING, "c"))
    decide(claims, call("a"))
    assert decide(claims, call("c"), sequential=False) == Run("c", "c")
    assert claims.missing() == ("b",)


def test_what_comes_later_is_not_skipped_yet() -> None:
    """A call that runs again before the frontier, because it never ended, does not wait for those after it."""
    broken = read((began("a", 1),), (began("b", 1), returned("b")), (began("c", 3), returned("c")), (ended(),))
    assert decide(claims_of(script(broken, "c")), call("a")) == Run("a", "a")


def test_calls_that_its_own_log_holds_are_not_skipped() -> None:
    """What was copied by an attempt before is remembered when the body makes it, and found no second time."""
    claims = claims_of(script(RECORDING, "c"), calls={"a": "of a", "b": "of b"})
    assert claims.missing() == ("a", "b")
    claims.remember("a")
    claims.remember("b")
    assert decide(claims, call("c")) == Run("c", "c")
    assert claims.missing() == ()
    assert decide(claims_of(script(RECORDING, "c"), calls={"a": "of a"}), call("a")) == Diverged(unknown=call("a"))


@pytest.mark.parametrize("name", ["a", "c", "d"])
def test_a_given_output(name: str) -> None:
    """On whichever side of the frontier the call is; also at its place with other inputs, in tasks too."""
    plan = script(RECORDING, "c", {"outputs": (name,)})
    for wanted in (call(name), call(name, "other")):
        for sequential in (True, False):
            found = decide(claims_of(plan), wanted, sequential=sequential)
            assert found == Substitute(entry(name))
    other = call("b", "other")
    assert decide(claims_of(plan), other, sequential=False, moved=True) == Run(None, "b")


def ask(claims: Claims, wanted: Asked, *, sequential: bool = True, moved: bool = False) -> WaitDecision:
    """Decide a wait."""
    return claims.wait(wanted, sequential=sequential, moved=moved)


def test_a_question() -> None:
    """Before the frontier it keeps its answer, behind it it is asked, unless an answer was given."""
    wait = RECORDING.waits["w"].entry
    assert ask(claims_of(script(RECORDING, "c")), question()) == Reuse(wait, differs=False)
    assert ask(claims_of(script(RECORDING, "b")), question()) == Run("w", "w")
    assert ask(claims_of(script(RECORDING, "b", {"answers": ("w",)})), question()) == Substitute(wait)
    claimed = claims_of(script(RECORDING, "c"), waits={"w": ""})
    assert ask(claimed, question()) == Run(None, None)


def test_another_question() -> None:
    """At its place it keeps the answer only while nothing could have changed it, and never in tasks."""
    wait = RECORDING.waits["w"].entry
    other = question("other")
    assert ask(claims_of(script(RECORDING, "c")), other) == Reuse(wait, differs=True)
    assert ask(claims_of(script(RECORDING, "c")), other, moved=True) == Run("w", "w")
    assert ask(claims_of(script(RECORDING, "c", {"changed": ("x",)})), other) == Run("w", "w")
    assert ask(claims_of(script(RECORDING, "c")), other, sequential=False) == Run(None, "w")
    assert ask(claims_of(script(RECORDING, "b", {"answers": ("w",)})), other, sequential=False) == Substitute(wait)


def test_a_given_value_is_looked_up_by_id() -> None:
    """Outputs by call, answers by wait."""
    plan = script(RECORDING, "c", {"outputs": ("a",), "answers": ("w",)})
    assert plan.output("a") == values.inline("given")
    assert plan.output("w") is None
    assert plan.has_answer("w")
    assert not plan.has_answer("a")
    assert plan.answer("w") == "given"


def test_the_calls_before_the_frontier() -> None:
    """Those that the last run made, in the order in which they began."""
    assert [one.id for one in script(RECORDING, "c").before()] == ["a", "b"]
    assert isinstance(script(RECORDING, "c").spec, Replay)
