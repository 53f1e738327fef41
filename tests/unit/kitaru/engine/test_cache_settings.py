"""Who says whether calls take results of other executions, and which."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from kitaru.checkpoints import checkpoint
from kitaru.core.caching import Cache
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruUsageError
from tests.unit.kitaru.engine.caches import RAN, after, first, named, work


def _plain() -> UserValue:
    return checkpoint(work)("a")


def _off() -> UserValue:
    return checkpoint(cache=False)(work)("a")


def _on() -> UserValue:
    return checkpoint(cache=True)(work)("a")


def _versioned() -> UserValue:
    return checkpoint(cache=Cache(version="2"))(work)("a")


@pytest.mark.parametrize(
    ("flow", "caches", "ran"),
    [(_plain, True, 0), (_plain, False, 1), (_off, True, 1), (_on, False, 0), (_versioned, False, 0)],
    ids=["default", "flow-off", "checkpoint-off", "checkpoint-on", "version-says-on"],
)
def test_who_decides_about_the_cache(flow: Callable[..., UserValue], ran: int, *, caches: bool) -> None:
    """The checkpoint's own setting stands above the flow's; what is off neither takes nor gives."""
    after(first(flow, caches=caches), caches=caches)
    assert len(RAN) == ran


def test_a_version_keeps_results_apart() -> None:
    """Another version takes no result of this one."""
    after(first(named("flow", _plain)), named("flow", _versioned))
    assert RAN == ["a"]


@pytest.mark.parametrize(("later", "ran"), [(59.0, 0), (61.0, 1)], ids=["young", "old"])
def test_a_result_lives_for_its_time(later: float, ran: int) -> None:
    """Beyond its time to live a result is not taken, and the new one is kept in its place."""
    limited = checkpoint(cache=Cache(ttl=timedelta(minutes=1)))(work)

    def flow() -> UserValue:
        return limited("a")

    two = after(first(flow), later=later)
    assert len(RAN) == ran
    if ran:
        after(two, later=30)
        assert RAN == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cache": "yes"}, "@checkpoint: cache='yes' is a str"),
        ({"cache": 1}, "@checkpoint: cache=1 is a int"),
        ({"cash": True}, "@checkpoint has no option 'cash'"),
    ],
    ids=["text", "number", "misspelt"],
)
def test_a_wrong_option_is_refused(options: dict[str, UserValue], said: str) -> None:
    """What the option cannot be is refused where it is given."""
    with pytest.raises(KitaruUsageError, match=said):
        checkpoint(**options)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"ttl": 0}, "more than 0 seconds"),
        ({"ttl": timedelta(seconds=-1)}, "more than 0 seconds"),
        ({"ttl": float("nan")}, "no number of seconds"),
        ({"ttl": "1h"}, "ttl='1h' is a str"),
        ({"version": 2}, "version=2 is a int"),
    ],
    ids=["none", "negative", "nan", "text", "version"],
)
def test_a_wrong_field_is_refused(fields: dict[str, UserValue], said: str) -> None:
    """A `Cache` names the field that is wrong."""
    with pytest.raises(KitaruUsageError, match=said):
        Cache(**fields)


@pytest.mark.parametrize("ttl", [1e300, float("inf"), timedelta.max], ids=["huge", "infinite", "longest"])
def test_a_time_without_end_is_no_limit(ttl: float | timedelta) -> None:
    """A result of any age is taken then."""
    limited = checkpoint(cache=Cache(ttl=ttl))(work)
    after(first(lambda: limited("a")), later=1e9)
    assert RAN == []
