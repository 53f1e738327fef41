"""The contract of the Clock port, and what the fake one adds to it."""

import threading
from datetime import UTC, timedelta

import pytest

from kitaru.backends.clock import SystemClock
from kitaru.backends.memory import EPOCH, FakeClock
from kitaru.ports import Clock

each_clock = pytest.mark.parametrize(
    "clock", [pytest.param(SystemClock(), id="system"), pytest.param(FakeClock(), id="fake")]
)


@each_clock
def test_the_time_of_day_is_aware_and_in_utc(clock: Clock) -> None:
    """A time that is written down means the same on every machine."""
    assert clock.now().tzinfo is UTC


@each_clock
@pytest.mark.parametrize("seconds", [0.0, 0.002, -1.0])
def test_a_sleep_lasts_as_long_as_asked(clock: Clock, seconds: float) -> None:
    """Both clocks have moved on by at least the sleep; a negative one is none."""
    monotonic, now = clock.monotonic(), clock.now()
    clock.sleep(seconds)
    assert clock.monotonic() >= monotonic + max(0.0, seconds)
    assert clock.now() >= now + timedelta(seconds=max(0.0, seconds) - 0.001)


def test_a_fake_clock_stands_until_it_is_turned() -> None:
    """Time passes by `advance` and by sleeping, and by nothing else."""
    clock = FakeClock()
    assert (clock.now(), clock.monotonic()) == (EPOCH, 0.0)
    clock.advance(90)
    clock.sleep(30)
    assert clock.now() == EPOCH + timedelta(minutes=2)
    assert (clock.monotonic(), clock.slept) == (120.0, (30,))


def test_a_manual_clock_holds_its_sleepers() -> None:
    """A sleeper wakes when the clock was turned far enough, not before."""
    clock = FakeClock(auto=False)
    woken: list[str] = []

    def sleep(name: str, seconds: float) -> None:
        clock.sleep(seconds)
        woken.append(name)

    short = threading.Thread(target=sleep, args=("short", 1))
    long = threading.Thread(target=sleep, args=("long", 5))
    for thread in (short, long):
        thread.start()
    clock.await_sleepers(2)
    clock.advance(1)
    short.join(timeout=5)
    assert woken == ["short"]
    clock.advance(4)
    long.join(timeout=5)
    assert woken == ["short", "long"]


def test_waiting_for_a_sleeper_has_a_bound() -> None:
    """A test that waits for a sleeper who never comes is told so."""
    with pytest.raises(TimeoutError, match=r"0 threads sleep .* expected 1"):
        FakeClock(auto=False).await_sleepers(1, timeout=0.01)


@each_clock
def test_an_alarm_rings_once_when_its_time_has_come(clock: Clock) -> None:
    """In the order of their times, whatever the order in which they were set; not those that were taken back."""
    rung: list[str] = []
    last = threading.Event()
    clock.alarm(0.4, lambda: rung.append("second"))
    clock.alarm(0.1, lambda: rung.append("first"))
    clock.alarm(0.2, lambda: rung.append("taken back"))()
    clock.alarm(0.5, last.set)
    clock.sleep(0.5)
    assert last.wait(5)
    assert rung == ["first", "second"]


@each_clock
def test_an_alarm_of_a_sleeper_rings(clock: Clock) -> None:
    """Whoever does nothing but wait for an alarm need not move the clock; taking it back afterwards is no error."""
    rung = threading.Event()
    cancel = clock.alarm(0.01, rung.set, asleep=True)
    assert rung.wait(5)
    cancel()


def test_alarms_come_again_after_a_pause() -> None:
    """The thread of the alarms ends when nobody wants one, and begins again."""
    clock = SystemClock()
    for _ in range(2):
        rung = threading.Event()
        clock.alarm(0, rung.set)
        assert rung.wait(5)
        end = clock.monotonic() + 5
        while any(one.name == "kitaru-alarms" for one in threading.enumerate()):
            assert clock.monotonic() < end, "waited 5 s for the thread of the alarms to end"
            clock.sleep(0.01)
