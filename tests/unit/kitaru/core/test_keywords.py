"""Options by keyword are known by name and type, and refused at the door."""

import re
from collections.abc import Mapping
from datetime import date

import pytest

import kitaru
from kitaru.core import keywords
from kitaru.core.keywords import Kinds
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruUsageError

ALLOWED: Mapping[str, Kinds] = {"retries": (int,), "seconds": (int, float), "name": (str,), "default": (object,)}


@pytest.mark.parametrize(
    "given",
    [{}, {"retries": 3, "seconds": 0.5}, {"name": "x", "default": True}, {"retries": None, "default": None}],
    ids=["nothing", "numbers", "text and anything", "none is not given"],
)
def test_what_fits_passes(given: Mapping[str, UserValue]) -> None:
    """Known names with their types, and None for what is not given."""
    keywords.check("@checkpoint", given, ALLOWED)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"retrys": 3}, "@checkpoint has no option 'retrys': it takes retries, seconds, name, default."),
        ({"retries": "2"}, "@checkpoint: retries='2' is a str; give a whole number."),
        ({"retries": True}, "@checkpoint: retries=True is a bool; give a whole number."),
        ({"seconds": "x"}, "@checkpoint: seconds='x' is a str; give a whole number or a number."),
        ({"name": 3}, "@checkpoint: name=3 is a int; give text."),
    ],
    ids=["unknown", "text for a number", "a bool for a number", "either", "a number for text"],
)
def test_what_does_not_fit_is_refused_by_name(given: Mapping[str, UserValue], message: str) -> None:
    """One sentence names the option, what it is, and what to give."""
    with pytest.raises(KitaruUsageError, match=f"^{re.escape(message)}$"):
        keywords.check("@checkpoint", given, ALLOWED)


def test_a_wait_and_a_saved_name_are_checked_before_anything_is_asked() -> None:
    """Also outside of a flow, where they would be refused anyhow."""
    wrong: dict[str, UserValue] = {"deadline": date(2030, 1, 1)}
    with pytest.raises(KitaruUsageError, match=r"wait: deadline=.* is a date; give a datetime or a timedelta"):
        kitaru.wait(schema=bool, **wrong)
    tags: dict[str, UserValue] = {"tags": "draft"}
    with pytest.raises(KitaruUsageError, match=re.escape("save('a'): tags='draft' is a str; give a list or a tuple.")):
        kitaru.save("a", 1, **tags)
