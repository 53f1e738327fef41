"""How two sequences of calls are shown side by side."""

from __future__ import annotations

import pytest

from kitaru.core import divergence
from kitaru.core.divergence import Made


def calls(text: str) -> list[Made]:
    """Return the calls that a text names: `a` of inputs 1, `a2` of inputs 2."""
    return [Made(one[0], one[1:] or "1") for one in text.split()]


TABLES = {
    "alike": ("a b", "a b", True, "  a  a|  b  b"),
    "only recorded": ("a b c", "a c", True, "  a  a|- b  |  c  c"),
    "only made": ("a c", "a b c", True, "  a  a|+    b|  c  c"),
    "other inputs": ("a b c", "a b2 c", True, "  a  a|~ b  b (other inputs)|  c  c"),
    "another": ("a b c", "a d c", True, "  a  a|- b  |+    d|  c  c"),
    "more at the end": ("a b c", "a", True, "  a  a|- b  |- c  "),
    "stopped": ("a b c", "a d", False, "  a  a|- b  |+    d|  c  (not reached)"),
    "stopped between": ("a b c", "a d b", False, "  a  a|+    d|  b  b|  c  (not reached)"),
    "stopped at other inputs": ("a b c", "a b2", False, "  a  a|~ b  b (other inputs)|  c  (not reached)"),
    "nothing recorded": ("", "a", False, "+    a"),
}


@pytest.mark.parametrize("case", TABLES)
def test_table(case: str) -> None:
    """Each row has a mark, what was recorded, and what the code made."""
    recorded, made, reached, wanted = TABLES[case]
    header, *rows = divergence.table(calls(recorded), calls(made), reached_the_end=reached).splitlines()
    assert header == "  recorded    this code"
    shown = [f"{row[:2]}{row[2:14].strip():<3}{row[14:]}" for row in rows]
    assert [one.rstrip() for one in shown] == [one.rstrip() for one in wanted.split("|")]


def test_what_is_alike_before_is_left_out() -> None:
    """But three rows of it, and the number of the others."""
    text = divergence.table(calls("a " * 100 + "b"), calls("a " * 100 + "c"), reached_the_end=True)
    rows = text.splitlines()
    assert rows[1] == "  … 97 alike"
    assert len(rows) == 2 + 3 + 2


def test_at_most_thirty_rows_are_shown() -> None:
    """And the number of the others."""
    rows = divergence.table(calls("a " * 50), calls("b " * 50), reached_the_end=True).splitlines()
    assert len(rows) == 1 + 30 + 1
    assert rows[-1] == "  … 70 more"


def test_names_of_any_length_are_aligned() -> None:
    """The second column begins after the longest name that is shown."""
    long = "x" * 20
    rows = divergence.table(
        [Made(long, "1"), Made("a", "1")], [Made(long, "1"), Made("b", "1")], reached_the_end=True
    ).splitlines()
    assert rows[0].index("this code") == rows[1].rindex(long) == rows[3].index("b") == 26
