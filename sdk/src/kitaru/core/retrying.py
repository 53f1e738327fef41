"""Whether something that failed is tried again, and after how long.

A decision of values: the policy, how often it failed so far, the exception, the time and a number drawn by chance
come in, seconds or None come out.
"""

from __future__ import annotations

import email.utils
import hashlib
import math
from dataclasses import KW_ONLY, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from kitaru.core import classes, keywords
from kitaru.core.capture import Capture
from kitaru.core.keywords import Kinds
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruUsageError

#: Seconds for which a server's Retry-After is obeyed at most: a mistaken date must not stop an execution for years.
LONGEST_RETRY_AFTER: Final = 3600.0
#: One class of exceptions, or several.
Classes: TypeAlias = type[Exception] | tuple[type[Exception], ...]

_HEADERS: Final = ("Retry-After", "retry-after")
_ROLL: Final = 8
#: Above every sensible field, and far below what floats cannot count.
_MOST: Final = 1e9


@dataclass(frozen=True, slots=True)
class Retry:
    """How what failed is tried again: ``Retry(5, delay=2, retry_on=(TimeoutError, ConnectionError))``.

    `limit` is how many further tries there are after the first. Before the n-th of them, `delay` x `backoff`^(n-1)
    seconds pass, at most `max_delay`; `jitter` is the share by which chance makes that longer or shorter (0.1: by up
    to a tenth), never longer than `max_delay`. A server's Retry-After makes a delay longer: an exception's
    `retry_after` (seconds, a timedelta or a datetime), or the header of that name of its `response` (seconds or an
    HTTP date), up to `LONGEST_RETRY_AFTER`. Only exceptions of the classes in `retry_on`, subclasses included, are
    tried again, and never those in `give_up_on`. Raises `KitaruUsageError` naming the field that is wrong.
    """

    limit: int = 3
    _: KW_ONLY
    delay: float = 1.0
    backoff: float = 2.0
    max_delay: float = 60.0
    jitter: float = 0.1
    retry_on: Classes = (Exception,)
    give_up_on: Classes = ()

    def __post_init__(self) -> None:
        _check_number("limit", self.limit, (int,))
        for name in ("delay", "backoff", "max_delay", "jitter"):
            _check_number(name, getattr(self, name), (int, float))
        _refuse(f"limit={self.limit} must be >= 0 further tries", when=self.limit < 0)
        _refuse(f"delay={self.delay} must be >= 0 seconds", when=self.delay < 0)
        _refuse(f"backoff={self.backoff} must be >= 1, so that delays do not shrink", when=self.backoff < 1)
        _refuse(f"jitter={self.jitter} must be between 0 and 1", when=not 0 <= self.jitter <= 1)
        low = f"max_delay={self.max_delay} is less than delay={self.delay}: raise it, or lower the delay"
        _refuse(low, when=self.max_delay < self.delay)
        for name in ("retry_on", "give_up_on"):
            object.__setattr__(self, name, _classes(name, getattr(self, name)))


def policy(what: str, retries: Retry | int | None) -> Retry:
    """Return the policy that `retries` says: of a number, that many further tries at once.

    Raises `KitaruUsageError` naming `what` ("Checkpoint", "Flow") for a negative number and for anything else.
    """
    keywords.check_type(what, "retries", retries, (int, Retry))
    if isinstance(retries, Retry):
        return retries
    if retries is not None and retries < 0:
        message = f"{what} retries must be >= 0."
        raise KitaruUsageError(message)
    return limited(NONE, retries or 0)


def limited(retry: Retry, limit: int) -> Retry:
    """Return the same policy with another limit."""
    return replace(retry, limit=limit)


def decide(retry: Retry, failed: int, error: BaseException, now: datetime, chance: float) -> float | None:
    """Return the seconds until the next try after `failed` failed ones; None: the failure stands.

    `chance` is a number drawn evenly from [0, 1).
    """
    if failed > retry.limit or not isinstance(error, retry.retry_on) or isinstance(error, retry.give_up_on):
        return None
    return max(delay(retry, failed, chance), retry_after(error, now) or 0.0)


def delay(retry: Retry, failed: int, chance: float) -> float:
    """Return the policy's own delay in seconds after the `failed`-th failed try, counted from 1."""
    try:
        plain = retry.delay * retry.backoff ** (failed - 1)
    except OverflowError:
        plain = retry.max_delay if retry.delay else 0.0
    plain = min(plain, retry.max_delay)
    return min(plain * (1 + retry.jitter * (2 * chance - 1)), retry.max_delay)


def remaining(seconds: float, since: datetime, now: datetime) -> float:
    """Return what is left of a delay that began at `since`, for a process that goes on after another.

    Their clocks may differ: never more than the whole delay, never less than nothing.
    """
    return min(max(0.0, seconds - (now - since).total_seconds()), seconds)


def retry_after(error: BaseException, now: datetime) -> float | None:
    """Return for how many seconds a server asks to be left alone, None when the exception does not say.

    The header is that of RFC 9110, section 10.2.3: a number of seconds, or an HTTP date.
    """
    found: UserValue = None
    with Capture(Exception):
        # Attributes of user code may be properties that fail.
        found = getattr(error, "retry_after", None)
        if found is None:
            found = _header(getattr(getattr(error, "response", None), "headers", None))
    seconds = _seconds(found, now)
    if seconds is None or math.isnan(seconds):
        return None
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER)


def chance(text: str) -> float:
    """Return a number in [0, 1) that an id of 128 random bits stands for."""
    digest = hashlib.sha256(text.encode()).digest()
    return (int.from_bytes(digest[:_ROLL]) >> 11) / (1 << 53)


def _header(headers: UserValue) -> UserValue:
    get = getattr(headers, "get", None)
    if get is None:
        return None
    return next((value for value in map(get, _HEADERS) if value is not None), None)


def _seconds(found: UserValue, now: datetime) -> float | None:
    if isinstance(found, bool):
        return None
    if isinstance(found, int | float):
        with Capture(OverflowError):
            return float(found)
        return LONGEST_RETRY_AFTER
    if isinstance(found, timedelta):
        return found.total_seconds()
    if isinstance(found, datetime):
        at = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        return (at - now).total_seconds()
    return _spelt(found, now) if isinstance(found, str) else None


def _spelt(text: str, now: datetime) -> float | None:
    with Capture(ValueError):
        return float(text)
    with Capture(ValueError, OverflowError, TypeError):
        return _seconds(email.utils.parsedate_to_datetime(text), now)
    return None


def _check_number(name: str, value: UserValue, kinds: Kinds) -> None:
    keywords.check_type("Retry", name, value, kinds)
    if value is None or not abs(value) <= _MOST:
        message = f"Retry: {name}={value} must be a number, at most {_MOST:.0e}."
        raise KitaruUsageError(message)


def _refuse(why: str, *, when: bool) -> None:
    if when:
        message = f"Retry: {why}."
        raise KitaruUsageError(message)


def _classes(name: str, given: UserValue) -> tuple[type[Exception], ...]:
    found: list[UserValue] = list(given) if classes.of(given) in (tuple, list) else [given]
    for one in found:
        if not isinstance(one, type) or not issubclass(one, Exception):
            message = f"Retry: {name}={given!r} must be an exception class, or a tuple of such classes."
            raise KitaruUsageError(message)
    return tuple(found)


#: What holds where nobody asks for retries.
NONE: Final = Retry(0, delay=0, jitter=0)
