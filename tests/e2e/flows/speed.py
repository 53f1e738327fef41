"""Flows that print when things happen, by the machine's clock, for the speed table."""

import statistics
import time

import kitaru
from tests.e2e.flows import effects


@kitaru.checkpoint
def add(number: int) -> int:
    return number + 1


@kitaru.flow
def clock(count: int) -> int:
    """Print this attempt's first line; commit; ask; print when the answer is there."""
    print("first", time.time(), flush=True)
    print("commit", statistics.median(timed(number) for number in range(count)), flush=True)
    kitaru.wait(name="go")
    print("again", time.time(), flush=True)
    return count


@kitaru.flow
def many(count: int) -> int:
    """Make so many calls in a row, then stay until the test lets it end."""
    print("first", time.time(), flush=True)
    number = 0
    for _ in range(count):
        number = add(number)
    print("counted", time.time(), flush=True)
    effects.happen("counted")
    effects.pass_gate("end")
    return number


def timed(number: int) -> float:
    """Return the seconds of one call."""
    began = time.perf_counter()
    add(number)
    return time.perf_counter() - began
