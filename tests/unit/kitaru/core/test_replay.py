"""The frontier and the plan of a replay, over logs written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import pytest

from kitaru.backends.memory import EPOCH
from kitaru.core import overrides, plans, values
from kitaru.core.journal import (
    Completed,
    Expired,
    Failed,
    Fence,
    Parked,
    Retried,
)
from kitaru.core.recordings import Recording
from kitaru.errors import KitaruStateError, KitaruUsageError
from tests.unit.kitaru.core.recorded import FAILURE, answered, asked, began, ended, raised, read, returned, script

#: A recording, the call to replay from, what is given; then reuse, substitute, run, undecided.
Case: TypeAlias = tuple[Recording, str, Mapping[str, tuple[str, ...]], str, str, str, str]

SEQUENCE = read(
    (began("a", 1), returned("a")),
    (asked("w", 2),),
    (answered("w"),),
    (began("b", 4), returned("b")),
    (began("c", 5), returned("c")),
    (ended(),),
)
BESIDE = read(
    # a, b and c begin at once; b ends first, then c and a together; d after b, e after all.
    (began("a", 1, "1"), began("b", 1, "2"), began("c", 1, "3"), returned("b")),
    (began("d", 2, "2"), returned("a"), returned("c")),
    (returned("d"),),
    (began("e", 4), returned("e")),
    (ended(),),
)
DIED = read(
    (began("a", 1), returned("a")),
    (began("b", 2), began("c", 2), returned("b")),
)
RETRIED = read(
    (began("a", 1), returned("a")),
    (began("b", 2), raised("b")),
    (began("tidy", 3), returned("tidy")),
    (Retried(number=1, failure=FAILURE, releases=("b",), at=EPOCH),),
    (began("b", 5), returned("b")),
    (began("c", 6), returned("c")),
    (ended("tidy"),),
)
FAILED = read(
    (began("a", 1), began("b", 1), raised("b")),
    (began("tidy", 2), returned("tidy")),
    (returned("a"), Failed(failure=FAILURE, releases=("b",), at=EPOCH, left=())),
)

PLANS: Final[dict[str, Case]] = {
    "sequence": (SEQUENCE, "b", {}, "a", "", "b c", ""),
    "from the first": (SEQUENCE, "a", {}, "", "", "a b c", ""),
    "from the last": (SEQUENCE, "c", {}, "a b", "", "c", ""),
    "given output": (SEQUENCE, "c", {"outputs": ("a",)}, "", "a", "c", "b"),
    "given output of from_": (SEQUENCE, "b", {"outputs": ("b",)}, "a", "b", "c", ""),
    "given output behind": (SEQUENCE, "b", {"outputs": ("c",)}, "a", "c", "b", ""),
    "given answer": (SEQUENCE, "c", {"answers": ("w",)}, "a", "", "c", "b"),
    "changed input": (SEQUENCE, "c", {"changed": ("x",)}, "", "", "c", "a b"),
    "side by side": (BESIDE, "a", {}, "b c d", "", "a e", ""),
    "the first to end": (BESIDE, "b", {}, "a c", "", "b d e", ""),
    "given side by side": (BESIDE, "e", {"outputs": ("b",)}, "a c", "b", "e", "d"),
    "died": (DIED, "b", {}, "a", "", "b c", ""),
    "died, from the unfinished": (DIED, "c", {}, "a b", "", "c", ""),
    "retried": (RETRIED, "c", {}, "a b", "", "c", "tidy"),
    "retried, from the failed": (RETRIED, "b", {}, "a", "", "b c", "tidy"),
    "failed": (FAILED, "b", {}, "a", "", "b tidy", ""),
    "failed, from another": (FAILED, "a", {}, "", "", "a b", "tidy"),
}


@pytest.mark.parametrize("case", PLANS)
def test_plan(case: str) -> None:
    """What is reused, substituted, run, and what cannot be known."""
    recording, from_, given, *wanted = PLANS[case]
    sets = script(recording, from_, given).calls
    assert [" ".join(one) for one in (sets.reuse, sets.substitute, sets.run, sets.undecided)] == wanted


WAITS: Final[dict[str, Case]] = {
    "before": (SEQUENCE, "b", {}, "w", "", "", ""),
    "behind": (SEQUENCE, "a", {}, "", "", "w", ""),
    "given": (SEQUENCE, "a", {"answers": ("w",)}, "", "w", "", ""),
    "doubtful": (SEQUENCE, "c", {"outputs": ("a",)}, "", "", "", "w"),
    "unanswered": (
        read((began("a", 1), returned("a")), (asked("w", 1),), (Parked(at=EPOCH),)),
        "a",
        {},
        "",
        "",
        "w",
        "",
    ),
    "expired": (
        read((asked("w", 1),), (Expired(wait="w", at=EPOCH),), (began("a", 3), returned("a"))),
        "a",
        {},
        "w",
        "",
        "",
        "",
    ),
    "without a head": (read((began("a", 1), returned("a"), asked("w")), (answered("w"),)), "a", {}, "w", "", "", ""),
    "older, behind": (read((began("a", 1), returned("a")), (asked("w"),), (answered("w"),)), "a", {}, "", "", "w", ""),
}


@pytest.mark.parametrize("case", WAITS)
def test_plan_of_waits(case: str) -> None:
    """Which waits keep their answers, have given ones, are asked, and which depend on the rest."""
    recording, from_, given, *wanted = WAITS[case]
    sets = script(recording, from_, given).waits
    assert [" ".join(one) for one in (sets.reuse, sets.substitute, sets.run, sets.undecided)] == wanted


def test_a_wait_and_a_call_of_one_id_are_two() -> None:
    """The frontier is a call's: a wait of the same id has its own place."""
    recording = read((asked("a", 1),), (answered("a"),), (began("a", 3), returned("a")), (ended(),))
    plan = script(recording, "a")
    assert (plan.calls.run, plan.waits.reuse) == (("a",), ("a",))


LAST_RUNS = {
    "died": (DIED, "a b c"),
    "said what it left": (RETRIED, "a b c"),
    "before ends said so": (
        read(
            (began("a", 1), returned("a")),
            (Retried(number=1, failure=FAILURE, releases=(), at=EPOCH),),
            (began("b", 3), returned("b")),
            (Completed(value=values.inline(None), at=EPOCH),),
        ),
        "b",
    ),
    "another attempt": (
        read((began("a", 1), Parked(at=EPOCH, left=())), (Fence(at=EPOCH),), (began("b", 3),)),
        "b",
    ),
}


@pytest.mark.parametrize("case", LAST_RUNS)
def test_what_the_last_run_made(case: str) -> None:
    """All that it does not say it left; if it said nothing, what began in it."""
    recording, wanted = LAST_RUNS[case]
    assert " ".join(one.id for one in recording.calls.values() if one.made) == wanted


@pytest.mark.parametrize(("recording", "complete"), [(SEQUENCE, True), (DIED, False), (FAILED, False)])
def test_complete(recording: Recording, *, complete: bool) -> None:
    """Only a body that returned made all the calls it would make."""
    assert recording.complete is complete


def test_the_plan_as_text() -> None:
    """A few lines for a person; what is empty is not shown."""
    made = plans.plan(
        script(SEQUENCE, "c", {"outputs": ("a",), "changed": ("topic",)}),
        "pipeline",
        "abc",
        {"topic": "x" * 80, "n": None},
    )
    assert str(made).splitlines() == [
        "Replay of pipeline abc from c",
        f'  input       topic = "{"x" * 58}… (changed)',
        "  input       n = null",
        "  substitute  a",
        "  run         c",
        "  undecided   b",
        "  wait kept   w",
    ]


def test_many_ids_are_shown_on_several_lines() -> None:
    """Eight on each."""
    slots = [(began(f"s_{number}", number), returned(f"s_{number}")) for number in range(1, 11)]
    text = str(plans.plan(script(read(*slots), "s_10"), "f", "e", {}))
    assert "reuse       s_1, s_2, s_3, s_4, s_5, s_6, s_7, s_8\n              s_9\n  run         s_10" in text


def test_choosing() -> None:
    """Selectors become ids, of calls and of waits."""
    found = overrides.choose(SEQUENCE, "b", overrides.collect({"checkpoint.a[1]": 1, "wait.w": 2}, None, None))
    assert (found.from_, found.calls, found.waits) == ("b", {"a": 1}, {"w": 2})


def test_two_selectors_of_one_call_are_refused() -> None:
    """A name and an id may mean the same."""
    asked_ = overrides.collect({"checkpoint.a": 1, "checkpoint.a[1]": 2}, None, None)
    with pytest.raises(KitaruUsageError, match="overrides: 'a' is overridden twice"):
        overrides.choose(SEQUENCE, "b", asked_)


@pytest.mark.parametrize("what", ["checkpoint.nothing", "wait.nothing", "wait.a", "checkpoint.w"])
def test_an_override_of_what_is_not_there_is_refused(what: str) -> None:
    """Calls and waits are not mixed up."""
    with pytest.raises(KitaruStateError, match="give one of"):
        overrides.choose(SEQUENCE, "b", overrides.collect({what: 1}, None, None))


def test_from_must_be_text() -> None:
    """A call object, for instance, is none."""
    with pytest.raises(KitaruUsageError, match="from_=3 is no selector"):
        overrides.choose(SEQUENCE, 3, overrides.collect(None, None, None))
