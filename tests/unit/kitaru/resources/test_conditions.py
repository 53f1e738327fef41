"""Conditions toggle and keep the time of their last change."""

from datetime import UTC, datetime
from typing import Final

from kitaru.core.resources import conditions
from kitaru.core.resources.conditions import Condition, ExecutionCondition, Reason, Truth

EARLY: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATE: Final = datetime(2026, 11, 21, 13, tzinfo=UTC)


def _condition(type_: ExecutionCondition, status: Truth, at: datetime, message: str = "") -> Condition:
    return Condition(type=type_, status=status, reason=Reason.RUNNING, message=message, last_transition_time=at)


def test_a_new_condition_is_added_at_the_end() -> None:
    """A type that is not there yet comes after the others."""
    waiting = _condition(ExecutionCondition.WAITING, "False", EARLY)
    ready = _condition(ExecutionCondition.RUNNER_READY, "True", LATE)
    assert conditions.replaced((waiting,), ready) == (waiting, ready)


def test_a_condition_that_flips_has_the_new_time_in_the_old_place() -> None:
    """A flip moves the time and not the place."""
    waiting = _condition(ExecutionCondition.WAITING, "False", EARLY)
    ready = _condition(ExecutionCondition.RUNNER_READY, "True", EARLY)
    flipped = _condition(ExecutionCondition.WAITING, "True", LATE)
    assert conditions.replaced((waiting, ready), flipped) == (flipped, ready)


def test_a_new_message_alone_moves_no_clock() -> None:
    """The transition time is the time of the last flip."""
    old = _condition(ExecutionCondition.WAITING, "True", EARLY)
    new = _condition(ExecutionCondition.WAITING, "True", LATE, "waits for approve")
    (kept,) = conditions.replaced((old,), new)
    assert (kept.message, kept.last_transition_time) == ("waits for approve", EARLY)


def test_a_condition_is_true_only_when_it_is_there_and_says_so() -> None:
    """Absent, False and Unknown are not true."""
    given = (
        _condition(ExecutionCondition.SUCCEEDED, "Unknown", EARLY),
        _condition(ExecutionCondition.STORE_READY, "True", EARLY),
        _condition(ExecutionCondition.WAITING, "False", EARLY),
    )
    held = [one for one in ExecutionCondition if conditions.is_true(given, one)]
    assert held == [ExecutionCondition.STORE_READY]
    assert conditions.condition(given, ExecutionCondition.RUNNER_READY) is None
