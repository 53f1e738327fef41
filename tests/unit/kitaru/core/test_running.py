"""How long an execution has run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitaru.core import journal
from kitaru.core.journal import Failure, Record
from kitaru.core.running import RunningTime

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
FAILURE: Final = Failure(type="ValueError", message="no")


def at(seconds: float) -> datetime:
    """Return the time, so many seconds after the start."""
    return START + timedelta(seconds=seconds)


def fence(seconds: float) -> Record:
    """An attempt begins."""
    return journal.Fence(at=at(seconds))


def work(seconds: float) -> Record:
    """Something that is no wait is recorded."""
    return journal.Logged(metadata={}, at=at(seconds))


def idle(seconds: float) -> Record:
    """The runner stays for an answer."""
    return journal.Idle(at=at(seconds))


def asked(seconds: float) -> Record:
    """A wait is opened."""
    return journal.WaitOpened(wait="w", name="w", scope="", occurrence=1, at=at(seconds))


def answered(seconds: float) -> Record:
    """A wait is answered."""
    return journal.Answered(wait="w", request="r", value=None, at=at(seconds))


def parked(seconds: float) -> Record:
    """The attempt parks."""
    return journal.Parked(at=at(seconds))


def failed(seconds: float) -> Record:
    """The execution fails."""
    return journal.Failed(failure=FAILURE, at=at(seconds))


@pytest.mark.parametrize(
    ("records", "now", "seconds"),
    [
        pytest.param([], 9, 0, id="nothing yet"),
        pytest.param([fence(1)], 3, 2, id="since the fence"),
        pytest.param([fence(0), work(2)], 5, 5, id="to now, not to the last record"),
        pytest.param([fence(0), work(2), fence(100), work(101)], 102, 4, id="not between attempts"),
        pytest.param([fence(0), asked(2), idle(3)], 50, 3, id="not while it idles"),
        pytest.param([fence(0), asked(2), idle(3), answered(50)], 51, 4, id="again after the answer"),
        pytest.param([fence(0), asked(2), idle(3), asked(4), answered(50)], 51, 4, id="a wait is no end of idling"),
        pytest.param([fence(0), asked(2), parked(3)], 50, 3, id="not while it is parked"),
        pytest.param([fence(0), asked(2), parked(3), fence(50), answered(50)], 51, 4, id="again after the park"),
        pytest.param([fence(0), idle(3), fence(50)], 51, 4, id="its process died while it idled"),
        pytest.param([fence(0), work(5), failed(6)], 50, 0, id="failed"),
        pytest.param([fence(0), failed(6), fence(50)], 51, 1, id="a granted retry has the whole time"),
        pytest.param([fence(10), work(4)], 12, 2, id="a clock that goes back"),
    ],
)
def test_running_time_is_that_of_running_attempts(records: Sequence[Record], now: float, seconds: float) -> None:
    """Waiting, parked and dead processes do not count."""
    running = RunningTime()
    for record in records:
        running.take(record)
    assert running.spent(at(now)) == seconds


@given(
    steps=st.lists(
        st.tuples(st.sampled_from([fence, work, idle, asked, answered, parked]), st.floats(-10, 10)), max_size=20
    )
)
def test_running_time_never_goes_back(steps: Sequence[tuple[type, float]]) -> None:
    """Whatever the clocks do, no record takes time away, except a failure."""
    running, now, before = RunningTime(), 100.0, 0.0
    for kind, passed in steps:
        now += passed
        running.take(kind(now))
        assert running.spent(at(now)) >= before
        before = running.spent(at(now))
