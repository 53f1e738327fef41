"""When something that failed is tried again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kitaru
from kitaru.core import retrying
from kitaru.core.retrying import LONGEST_RETRY_AFTER, Retry
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruUsageError

NOW: Final = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
PLAIN: Final = Retry(3, delay=1, backoff=2, max_delay=5, jitter=0)
CHANCES: Final = st.floats(0, 1, exclude_max=True)


class BusyError(Exception):
    """A server's refusal that says when to come back."""

    def __init__(self, retry_after: UserValue = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__("busy")
        self.retry_after = retry_after
        self.response = SimpleNamespace(headers=headers)


class MoodyError(Exception):
    """An exception whose attribute fails."""

    @property
    def retry_after(self) -> float:
        message = "no"
        raise LookupError(message)


@st.composite
def policies(draw: Callable[[st.SearchStrategy[UserValue]], UserValue]) -> Retry:
    """Draw any policy that is accepted."""
    delay = draw(st.floats(0, 1e6))
    return Retry(
        draw(st.integers(0, 10_000)),
        delay=delay,
        backoff=draw(st.floats(1, 1e6)),
        max_delay=delay + draw(st.floats(0, 1e6)),
        jitter=draw(st.floats(0, 1)),
    )


@pytest.mark.parametrize(
    ("failed", "error", "seconds"),
    [
        pytest.param(1, ValueError(), 1, id="first"),
        pytest.param(2, ValueError(), 2, id="second"),
        pytest.param(3, ValueError(), 4, id="third"),
        pytest.param(4, ValueError(), None, id="spent"),
        pytest.param(1, BusyError(3), 3, id="the server asks for more"),
        pytest.param(3, BusyError(3), 4, id="the server asks for less"),
        pytest.param(4, BusyError(3), None, id="spent, whatever the server says"),
        pytest.param(1, KeyboardInterrupt(), None, id="no Exception"),
    ],
)
def test_a_policy_says_whether_and_when(failed: int, error: BaseException, seconds: float | None) -> None:
    """The delay grows with each failed try, until the limit."""
    assert retrying.decide(PLAIN, failed, error, NOW, 0.5) == seconds


@pytest.mark.parametrize(
    ("policy", "error", "again"),
    [
        pytest.param(Retry(retry_on=OSError), ConnectionResetError(), True, id="a subclass"),
        pytest.param(Retry(retry_on=OSError), ValueError(), False, id="another class"),
        pytest.param(Retry(retry_on=(KeyError, ValueError)), ValueError(), True, id="one of several"),
        pytest.param(Retry(give_up_on=OSError), TimeoutError(), False, id="given up"),
        pytest.param(Retry(give_up_on=(OSError,)), ValueError(), True, id="not given up"),
        pytest.param(Retry(retry_on=TimeoutError, give_up_on=OSError), TimeoutError(), False, id="giving up wins"),
        pytest.param(Retry(retry_on=()), ValueError(), False, id="none"),
    ],
)
def test_classes_decide(policy: Retry, error: Exception, *, again: bool) -> None:
    """`retry_on` and `give_up_on` mean their subclasses too, and giving up wins."""
    assert (retrying.decide(policy, 1, error, NOW, 0.5) is not None) is again


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        pytest.param(BusyError(2.5), 2.5, id="seconds"),
        pytest.param(BusyError(7), 7, id="whole seconds"),
        pytest.param(BusyError("7"), 7, id="seconds as text"),
        pytest.param(BusyError(timedelta(minutes=1)), 60, id="a timedelta"),
        pytest.param(BusyError(NOW + timedelta(seconds=9)), 9, id="a datetime"),
        pytest.param(BusyError((NOW + timedelta(minutes=1)).replace(tzinfo=None)), 60, id="without a zone it is UTC"),
        pytest.param(BusyError(NOW - timedelta(seconds=9)), 0, id="over"),
        pytest.param(BusyError(-3), 0, id="negative"),
        pytest.param(BusyError(10**9), LONGEST_RETRY_AFTER, id="too long"),
        pytest.param(BusyError(10**400), LONGEST_RETRY_AFTER, id="beyond all floats"),
        pytest.param(BusyError(float("inf")), LONGEST_RETRY_AFTER, id="infinite"),
        pytest.param(BusyError(float("nan")), None, id="no number"),
        pytest.param(BusyError(retry_after=True), None, id="a truth"),
        pytest.param(BusyError("soon"), None, id="words"),
        pytest.param(BusyError(headers={"Retry-After": "12"}), 12, id="header"),
        pytest.param(BusyError(headers={"retry-after": "12"}), 12, id="header of HTTP/2"),
        pytest.param(BusyError(headers={"Retry-After": "Sat, 21 Nov 2026 17:00:30 GMT"}), 30, id="HTTP date"),
        pytest.param(BusyError(headers={"Retry-After": "Saturday, 21-Nov-26 17:00:30 GMT"}), 30, id="obsolete date"),
        pytest.param(BusyError(headers={"Retry-After": "Sat Nov 21 17:00:30 2026"}), 30, id="asctime date"),
        pytest.param(BusyError(5, headers={"Retry-After": "12"}), 5, id="the attribute comes first"),
        pytest.param(BusyError(headers={"Retry-After": "Sat, 99 Nov 2026"}), None, id="a damaged date"),
        pytest.param(BusyError(headers={}), None, id="no header"),
        pytest.param(BusyError(headers=None), None, id="no headers"),
        pytest.param(MoodyError(), None, id="an attribute that fails"),
        pytest.param(ValueError(), None, id="no attribute"),
    ],
)
def test_a_server_may_ask_for_time(error: Exception, seconds: float | None) -> None:
    """Retry-After as the clients of servers give it, and as HTTP spells it."""
    assert retrying.retry_after(error, NOW) == seconds


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"limit": -1}, "Retry: limit=-1 must be >= 0 further tries."),
        ({"limit": True}, "Retry: limit=True is a bool; give a whole number."),
        ({"limit": None}, "Retry: limit=None must be a number, at most 1e+09."),
        ({"delay": -0.5}, "Retry: delay=-0.5 must be >= 0 seconds."),
        ({"delay": "1s"}, "Retry: delay='1s' is a str; give a whole number or a number."),
        ({"delay": float("nan")}, "Retry: delay=nan must be a number, at most 1e+09."),
        ({"backoff": 0.5}, "Retry: backoff=0.5 must be >= 1, so that delays do not shrink."),
        ({"max_delay": 0.5}, "Retry: max_delay=0.5 is less than delay=1.0: raise it, or lower the delay."),
        ({"jitter": 1.5}, "Retry: jitter=1.5 must be between 0 and 1."),
        ({"retry_on": "x"}, "Retry: retry_on='x' must be an exception class, or a tuple of such classes."),
        (
            {"give_up_on": KeyboardInterrupt},
            "Retry: give_up_on=<class 'KeyboardInterrupt'> must be an exception class, or a tuple of such classes.",
        ),
    ],
    ids=lambda one: "" if isinstance(one, str) else str(one),
)
def test_a_wrong_policy_is_refused_where_it_is_made(given: Mapping[str, UserValue], message: str) -> None:
    """One sentence names the field and what it may be."""
    with pytest.raises(KitaruUsageError, match=f"^{re.escape(message)}$"):
        Retry(**given)


@pytest.mark.parametrize("decorator", [kitaru.checkpoint, kitaru.flow], ids=["checkpoint", "flow"])
@pytest.mark.parametrize("retries", [-1, "2", 1.5, True], ids=str)
def test_wrong_retries_are_refused_at_decoration(decorator: Callable[..., UserValue], retries: UserValue) -> None:
    """Neither negative nor anything but a whole number or a policy (F18)."""
    with pytest.raises(KitaruUsageError, match="retries"):
        decorator(retries=retries)(lambda: None)


@given(policy=policies(), failed=st.integers(1, 10_000), chance=CHANCES)
def test_delays_are_bounded(policy: Retry, failed: int, chance: float) -> None:
    """No delay is negative, or longer than `max_delay`."""
    assert 0 <= retrying.delay(policy, failed, chance) <= policy.max_delay


@given(policy=policies(), failed=st.integers(1, 10_000))
def test_delays_without_jitter_never_shrink(policy: Retry, failed: int) -> None:
    """Chance 0.5 is the middle of the band, where jitter counts for nothing."""
    assert retrying.delay(policy, failed, 0.5) <= retrying.delay(policy, failed + 1, 0.5)


@given(policy=policies(), failed=st.integers(1, 10_000), chance=CHANCES)
def test_jitter_keeps_to_its_band(policy: Retry, failed: int, chance: float) -> None:
    """A delay differs from the one without jitter by at most that share, and is the same for the same chance."""
    plain, found = retrying.delay(policy, failed, 0.5), retrying.delay(policy, failed, chance)
    assert abs(found - plain) <= plain * policy.jitter * (1 + 1e-9)
    assert found == retrying.delay(policy, failed, chance)


@given(policy=policies(), failed=st.integers(1, 10_000), asked=st.floats(0, 1e9), chance=CHANCES)
def test_a_server_is_never_asked_too_early(policy: Retry, failed: int, asked: float, chance: float) -> None:
    """The delay is at least what the server wants, up to the bound."""
    seconds = retrying.decide(policy, failed, BusyError(asked), NOW, chance)
    assert seconds is None or seconds >= min(asked, LONGEST_RETRY_AFTER)
    assert (seconds is None) is (failed > policy.limit)


@given(text=st.text())
def test_chance_is_a_share(text: str) -> None:
    """Any id stands for a number from 0 up to, but not including, 1."""
    assert 0 <= retrying.chance(text) < 1


@given(seconds=st.floats(0, 1e6), passed=st.floats(-1e6, 1e6))
def test_what_remains_of_a_delay(seconds: float, passed: float) -> None:
    """After a crash never more than the delay, also when the clocks of two machines differ."""
    left = retrying.remaining(seconds, NOW, NOW + timedelta(seconds=passed))
    assert 0 <= left <= seconds
