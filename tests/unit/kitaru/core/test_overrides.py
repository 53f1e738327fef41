"""The spellings in which a replay is given outputs and answers."""

import pytest

from kitaru.core import overrides
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruUsageError


def test_three_spellings_are_one() -> None:
    """Prefixed keys, outputs by checkpoint, answers by wait."""
    found = overrides.collect(
        {"checkpoint.research": 1, "wait.approve": True}, {"write": {"output": None}}, {"second": {"output": 2}}
    )
    assert found.calls == {"research": 1, "write": None}
    assert found.waits == {"approve": True, "second": {"output": 2}}


def test_nothing_given() -> None:
    """None and empty mappings give nothing."""
    found = overrides.collect(None, {}, None)
    assert (found.calls, found.waits) == ({}, {})


REFUSED: dict[str, tuple[UserValue, UserValue, UserValue, str]] = {
    "no prefix": ({"research": 1}, None, None, "overrides: 'research' is no key: write 'checkpoint.<name or id>'"),
    "other prefix": ({"flow.x": 1}, None, None, "overrides: 'flow.x' is no key"),
    "no mapping": ([1], None, None, "overrides must be a mapping from selectors to values, and is list."),
    "no text": ({1: 1}, None, None, "overrides must be a mapping from selectors to values, and is dict."),
    "no output": (None, {"research": 1}, None, "checkpoint_overrides['research'] must be a mapping"),
    "none": (None, {"research": None}, None, "checkpoint_overrides['research'] must be {'output': value}"),
    "more": (None, {"research": {"output": 1, "x": 2}}, None, "must be {'output': value}: the output that replaces"),
    "twice": ({"checkpoint.a": 1}, {"a": {"output": 1}}, None, "checkpoint_overrides: 'a' is overridden twice"),
    "wait twice": ({"wait.a": 1}, None, {"a": 1}, "wait_overrides: 'a' is overridden twice: give it once."),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    """A key or value of another form is named, and the right form shown."""
    *given, message = REFUSED[case]
    with pytest.raises(KitaruUsageError) as caught:
        overrides.collect(*given)
    assert message in str(caught.value)
