"""Laws of the matching rules, over generated histories and orders of calls."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from kitaru.backends.memory import EPOCH
from kitaru.core import matching, values
from kitaru.core.history import Call, Place
from kitaru.core.journal import Returned
from kitaru.core.matching import Asked, Known, Matching, New

_ASKED = st.builds(
    Asked,
    place=st.builds(
        Place,
        scope=st.sampled_from(["", "1", "2"]),
        name=st.sampled_from(["a", "b"]),
        occurrence=st.integers(1, 3),
    ),
    inputs=st.sampled_from(["x", "y"]),
)
_RUN = st.lists(_ASKED, max_size=12, unique_by=lambda one: one.place)


def remember(run: list[Asked], unfinished: int) -> list[Call]:
    """Return the history that a first run of these calls leaves, the last few unfinished."""
    first: Matching[Call] = Matching([])
    calls: list[Call] = []
    for number, asked in enumerate(run):
        found = first.decide(asked, sequential=False)
        assert isinstance(found, New)
        end = Returned(call=found.id, value=values.inline(None), at=EPOCH)
        calls.append(
            Call(
                id=found.id,
                place=asked.place,
                inputs=asked.inputs,
                nth=found.nth,
                explicit=False,
                outcome=end if number < len(run) - unfinished else None,
            )
        )
    return calls


@given(_RUN, st.integers(0, 12))
def test_the_same_run_finds_all_its_calls(run: list[Asked], unfinished: int) -> None:
    """Each call finds the one at its own place."""
    again = Matching(remember(run, unfinished))
    for asked in run:
        found = again.decide(asked, sequential=False)
        assert isinstance(found, Known)
        assert (found.entry.place, found.entry.inputs) == (asked.place, asked.inputs)


@given(_RUN, st.integers(0, 12), st.data())
def test_another_order_repeats_nothing(run: list[Asked], unfinished: int, data: st.DataObject) -> None:
    """Whatever branch makes which call, as many as finished are reused, none twice, none new."""
    places = data.draw(st.permutations([one.place for one in run]))
    moved = [
        Asked(place=place, inputs=one.inputs)
        for place, one in zip(places, run, strict=True)
        if place.name == one.place.name
    ]
    calls = remember(run, unfinished)
    again = Matching(calls)
    found = [again.decide(asked, sequential=False) for asked in moved]
    assert all(isinstance(one, Known) for one in found)
    used = [one.entry.id for one in found if isinstance(one, Known)]
    assert len(used) == len(set(used))


@given(_RUN, _RUN, st.integers(0, 12))
def test_a_result_is_never_swapped(run: list[Asked], other: list[Asked], unfinished: int) -> None:
    """Side by side, whatever is reused has the name and the inputs of the call."""
    again = Matching(remember(run, unfinished))
    for asked in other:
        found = again.decide(asked, sequential=False)
        if isinstance(found, Known):
            assert found.entry.inputs == asked.inputs
            assert found.entry.place.name == asked.place.name


@given(_RUN, _RUN)
def test_new_ids_are_new(run: list[Asked], other: list[Asked]) -> None:
    """No two calls of an execution have one id, nor one idempotency key."""
    calls = remember(run, 0)
    again = Matching(calls)
    made = list(calls)
    for asked in other:
        found = again.decide(asked, sequential=True)
        if isinstance(found, New):
            made.append(
                Call(
                    id=found.id,
                    place=asked.place,
                    inputs=asked.inputs,
                    nth=found.nth,
                    explicit=False,
                )
            )
    assert max(Counter(one.id for one in made).values(), default=1) == 1
    keys = Counter(matching.idempotency_key("execution", one) for one in made)
    assert max(keys.values(), default=1) == 1
