"""The matching rules, one by one."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kitaru.backends.memory import EPOCH
from kitaru.core import matching, values
from kitaru.core.history import Call, Place
from kitaru.core.journal import Returned
from kitaru.core.matching import Asked, Known, Matching, New
from kitaru.errors import KitaruUsageError


def call(id_: str, place: str, inputs: str, nth: int = 1, *, finished: bool = True, explicit: bool = False) -> Call:
    """Return a call; its place is ``scope/name/occurrence``."""
    end = Returned(call=id_, value=values.inline(None), at=EPOCH)
    return Call(
        id=id_,
        place=where(place),
        inputs=inputs,
        nth=nth,
        explicit=explicit,
        outcome=end if finished else None,
    )


def where(place: str) -> Place:
    """Return the place ``scope/name/occurrence``."""
    scope, name, occurrence = place.split("/")
    return Place(scope=scope, name=name, occurrence=int(occurrence))


@dataclass(frozen=True)
class Case:
    """What is asked, and which call of the history it is: None for a new one."""

    place: str
    inputs: str
    found: str | None
    sequential: bool = False
    differs: bool = False


HISTORY = [
    call("a", "/a/1", "x"),
    call("a_2", "/a/2", "y"),
    call("a_3", "1/a/1", "y", 3),
    call("b", "/b/1", "x", finished=False),
    call("b_2", "/b/2", "x"),
    call("mine", "/a/3", "z", explicit=True),
]

CASES = {
    "rule 1, same place and inputs": Case("/a/2", "y", "a_2"),
    "rule 1, of another strand": Case("1/a/1", "y", "a_3"),
    "rule 1, begun only": Case("/b/1", "x", "b"),
    "rule 2, oldest first": Case("7/a/1", "y", "a_2"),
    "rule 2, finished before begun": Case("7/b/1", "x", "b_2"),
    "rule 3, same place, other inputs": Case("/a/1", "q", "a", sequential=True, differs=True),
    "rule 3 only while sequential": Case("/a/1", "q", None),
    "rule 4, other inputs and place": Case("/a/9", "q", None, sequential=True),
    "rule 4, another name": Case("/c/1", "x", None, sequential=True),
    "explicit ids are found by id only": Case("/a/3", "z", None, sequential=True),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_rules(case: Case) -> None:
    """Each rule finds what it says."""
    asked = Asked(place=where(case.place), inputs=case.inputs)
    found = Matching(HISTORY).decide(asked, sequential=case.sequential)
    if case.found is None:
        assert isinstance(found, New)
    else:
        assert isinstance(found, Known)
        assert (found.entry.id, found.differs) == (case.found, case.differs)


def test_a_call_is_claimed_once() -> None:
    """The second call with the same inputs gets the next one; the third is new, with a free number."""
    again = Matching(HISTORY)
    asked = Asked(place=where("7/a/1"), inputs="y")
    found = [again.decide(asked, sequential=False) for _ in range(3)]
    assert [one.entry.id for one in found if isinstance(one, Known)] == ["a_2", "a_3"]
    assert found[2] == New(id="a_4", nth=2)


def test_claimed_place_is_not_reused_by_rule_3() -> None:
    """Once its call is claimed, a place gives nothing any more."""
    again = Matching([call("a", "/a/1", "x")])
    again.decide(Asked(place=where("/a/2"), inputs="x"), sequential=True)
    found = again.decide(Asked(place=where("/a/1"), inputs="q"), sequential=True)
    assert isinstance(found, New)


def test_explicit_id_is_the_whole_key() -> None:
    """It matches whatever the place and the inputs."""
    asked = Asked(place=where("9/z/9"), inputs="other", explicit="mine")
    found = Matching(HISTORY).decide(asked, sequential=False)
    assert isinstance(found, Known)
    assert found.entry.id == "mine"


@pytest.mark.parametrize("explicit", ["mine", "a_2"])
def test_explicit_id_in_use(explicit: str) -> None:
    """An id belongs to one call of a run, and never to one that got it without asking."""
    again = Matching(HISTORY)
    asked = Asked(place=where("/a/1"), inputs="x", explicit=explicit)
    if explicit == "mine":
        again.decide(asked, sequential=True)
    with pytest.raises(KitaruUsageError, match=f"'{explicit}' is in use"):
        again.decide(asked, sequential=True)


def test_explicit_id_that_a_new_call_took() -> None:
    """Also when the other call has its id from this very run."""
    again: Matching[Call] = Matching([])
    again.decide(Asked(place=where("/a/1"), inputs="x"), sequential=True)
    with pytest.raises(KitaruUsageError, match="is in use"):
        again.decide(Asked(place=where("/b/1"), inputs="x", explicit="a"), sequential=True)


def test_taken_ids_are_not_given_again() -> None:
    """Ids that the history has beyond its live entries stay theirs."""
    again: Matching[Call] = Matching([], taken={"a", "a_2"})
    found = again.decide(Asked(place=where("/a/1"), inputs="x"), sequential=True)
    assert found == New(id="a_3", nth=1)


def test_idempotency_keys() -> None:
    """A key depends on the execution, the name and inputs and their number, or the explicit id."""
    plain = call("a", "/a/1", "x")
    moved = call("a_7", "3/a/2", "x")
    mine = call("mine", "/a/1", "x", explicit=True)
    keys = [
        matching.idempotency_key("one", plain),
        matching.idempotency_key("two", plain),
        matching.idempotency_key("one", mine),
    ]
    assert len(set(keys)) == 3
    assert matching.idempotency_key("one", moved) == keys[0]
