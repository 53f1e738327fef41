"""When an execution has to be resumed."""

import pytest

from kitaru.core import resuming
from kitaru.core.phases import Phase
from kitaru.core.resuming import Seen
from kitaru.errors import FailureOrigin, KitaruStateError


@pytest.mark.parametrize(
    ("seen", "needed"),
    [
        pytest.param(Seen(phase=Phase.PENDING), False, id="pending"),
        pytest.param(Seen(phase=Phase.RUNNING), False, id="running"),
        pytest.param(Seen(phase=Phase.COMPLETED), False, id="completed"),
        pytest.param(Seen(phase=Phase.WAITING, waits=["a", "b"], decided=["b"]), True, id="answered"),
        pytest.param(Seen(phase=Phase.FAILED, origin=FailureOrigin.RUNTIME), True, id="died"),
    ],
)
def test_resume_is_for_what_was_answered_or_died(seen: Seen, *, needed: bool) -> None:
    """What runs, or has completed, needs nobody: it goes on by itself."""
    assert resuming.is_needed(seen, "It") is needed


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        pytest.param(Seen(phase=Phase.WAITING, waits=["b", "a"]), r"It waits .* \(open: a, b\): give it", id="waiting"),
        pytest.param(Seen(phase=Phase.WAITING), r"\(open: none\)", id="waiting-for-nothing"),
        pytest.param(Seen(phase=Phase.FAILED, origin=FailureOrigin.USER_CODE), "would fail again: retry", id="failed"),
        pytest.param(Seen(phase=Phase.FAILED), "would fail again: retry", id="failed-for-no-known-reason"),
        pytest.param(Seen(phase=Phase.CANCELLED), "It is cancelled", id="cancelled"),
    ],
)
def test_what_cannot_go_on_is_refused_with_a_remedy(seen: Seen, told: str) -> None:
    """The message says what to do first."""
    with pytest.raises(KitaruStateError, match=told):
        resuming.is_needed(seen, "It")
