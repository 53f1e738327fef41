"""How calls and waits are named by people: by name, by id, by the n-th of a name."""

import pytest

from kitaru.core import selectors
from kitaru.core.selectors import Named
from kitaru.errors import KitaruError, KitaruStateError, KitaruUsageError

CALLS = [
    Named("research", "research"),
    Named("write", "write"),
    Named("research_2", "research"),
    Named("mine", "edit"),
    Named("edit", "polish"),
]

FOUND = {
    "write": "write",
    "research_2": "research_2",
    "research[1]": "research",
    "research[2]": "research_2",
    "write[1]": "write",
    "mine": "mine",
    "edit[1]": "mine",
    "polish": "edit",
    "polish[1]": "edit",
}


@pytest.mark.parametrize(("selector", "wanted"), FOUND.items(), ids=FOUND)
def test_selected(selector: str, wanted: str) -> None:
    """A selector that means one call gives its id."""
    assert selectors.select("call", selector, CALLS) == wanted


REFUSED: dict[str, tuple[type[KitaruError], str]] = {
    "": (KitaruUsageError, "The selector of a call is empty: give its name, its id, or name[2] for the second of a"),
    "  ": (KitaruUsageError, "The selector of a call is empty"),
    "research": (KitaruStateError, "Several calls match 'research': give one of research[1], research_2."),
    "edit": (KitaruStateError, "Several calls match 'edit': give one of mine, polish[1]."),
    "nothing": (KitaruStateError, "No call is 'nothing': give one of research[1], write, research_2, mine, polish[1]."),
    "research[0]": (KitaruStateError, "There is no call research[0]: it has 2 of that name, counted from 1; give one"),
    "research[3]": (KitaruStateError, "it has 2 of that name, counted from 1; give one of research[1], research_2."),
    "nothing[1]": (KitaruStateError, "no call has that name; give one of research[1], write, research_2, mine,"),
    "research[-1]": (KitaruStateError, "No call is 'research[-1]'"),
}


@pytest.mark.parametrize("selector", REFUSED, ids=[one or "empty" for one in REFUSED])
def test_refused(selector: str) -> None:
    """One that means none or several lists what can be selected."""
    kind, message = REFUSED[selector]
    with pytest.raises(kind) as caught:
        selectors.select("call", selector, CALLS)
    assert message in str(caught.value)


def test_only_some_candidates_are_listed() -> None:
    """Ten, and how many there are."""
    calls = [Named(f"step_{number}", "step") for number in range(1, 31)]
    with pytest.raises(KitaruStateError) as caught:
        selectors.select("call", "step", calls)
    assert str(caught.value).endswith("step_9, step_10, … (30 in all).")


def test_nothing_to_select() -> None:
    """An execution without waits has no candidates."""
    with pytest.raises(KitaruStateError, match=r"No wait is 'ask': give one of \(none\)\."):
        selectors.select("wait", "ask", [])


@pytest.mark.parametrize("candidate", ["research[1]", "write", "research_2", "mine", "polish[1]"])
def test_what_is_listed_can_be_selected(candidate: str) -> None:
    """A candidate of a message is a selector of one call."""
    assert selectors.select("call", candidate, CALLS)
