"""The work queue's rules, without a clock or a task; and its hands, with both."""

from __future__ import annotations

import asyncio

import pytest

from kitaru.errors import KitaruStateError
from kitaru_operator.schedule import LONGEST_DELAY, Bucket, Schedule
from kitaru_operator.workers import WorkQueue
from tests.unit.kitaru_operator.bench import Dice


def _schedule() -> Schedule[str]:
    return Schedule(Dice())


def test_a_key_that_is_added_twice_is_worked_on_once() -> None:
    """Keys are deduplicated while they wait."""
    schedule = _schedule()
    schedule.add("a")
    schedule.add("a")
    assert schedule.take(0) == "a"
    assert schedule.take(0) is None


def test_a_key_is_in_one_pair_of_hands() -> None:
    """Added while it is worked on, it comes again afterwards: what was read may be older than the reason."""
    schedule = _schedule()
    schedule.add("a")
    schedule.take(0)
    schedule.add("a")
    assert schedule.take(0) is None
    schedule.done("a")
    assert schedule.take(0) == "a"


def test_a_delayed_key_comes_when_it_is_due() -> None:
    """And the earliest of several dates counts."""
    schedule = _schedule()
    schedule.add_at("a", 10)
    schedule.add_at("a", 5)
    assert schedule.take(4.9) is None
    assert schedule.next_due() == 5
    assert schedule.take(5) == "a"


def test_a_failed_key_comes_later_and_later() -> None:
    """Doubled each time, with jitter, up to a bound; success forgets it."""
    schedule = _schedule()
    delays: list[float] = []
    now = 0.0
    for _ in range(12):
        schedule.add("a")
        while schedule.take(now) is None:
            now += 1
        delays.append(schedule.failed("a", now))
    assert delays[:3] == [pytest.approx(0.15), pytest.approx(0.3), pytest.approx(0.6)]
    assert delays[-1] == pytest.approx(LONGEST_DELAY * 0.75)


def test_what_was_asked_during_a_failure_waits_for_the_next_try() -> None:
    """A key that fails is not tried again at once because somebody added it meanwhile."""
    schedule = _schedule()
    schedule.add("a")
    schedule.take(0)
    schedule.add("a")
    schedule.failed("a", 0)
    assert schedule.take(0) is None
    assert schedule.take(1) == "a"


def test_a_bucket_gives_a_burst_and_then_its_rate() -> None:
    """Reservations come one after the other, and what nobody asked for is saved up to the burst."""
    bucket = Bucket(rate=2, burst=2)
    assert [bucket.reserve(100) for _ in range(4)] == [0, 0, 0.5, 1]
    assert [bucket.reserve(200) for _ in range(3)] == [0, 0, 0.5]


def test_the_queue_works_on_keys_at_once_and_each_alone() -> None:
    """As many passes at once as there are hands, never two of one key, and an error stops no other key."""
    at_once: list[int] = []
    working: list[str] = []
    tries: list[str] = []
    enough = asyncio.Event()

    async def work(key: str) -> float | None:
        assert key not in working
        working.append(key)
        at_once.append(len(working))
        await asyncio.sleep(0)
        working.remove(key)
        tries.append(key)
        if tries.count("bad") == 2 and "c" in tries:
            enough.set()
        if key == "bad" and tries.count("bad") == 1:
            message = "not yet"
            raise KitaruStateError(message)
        return None

    async def run() -> None:
        queue = WorkQueue(_schedule(), hands=2)
        for key in ("a", "bad", "b", "c"):
            queue.add(key)
        task = asyncio.create_task(queue.run(work))
        async with asyncio.timeout(5):
            await enough.wait()
        task.cancel()

    asyncio.run(run())
    assert max(at_once) == 2
    assert sorted(set(tries)) == ["a", "b", "bad", "c"]
