"""Flows that print when things happen, by the machine's clock, for the speed table."""

import os
import statistics
import time
from pathlib import Path

import kitaru
from tests.e2e.flows import effects


@kitaru.checkpoint
def add(number: int) -> int:
    """Do next to nothing: what takes time is the commit."""
    return number + 1


@kitaru.flow
def clock(count: int) -> int:
    """Print this attempt's first line; commit so many times; ask."""
    print("first", time.time(), flush=True)
    print("process", born(), flush=True)
    if count:
        print("commit", statistics.median(timed(number) for number in range(count)), flush=True)
    kitaru.wait(name="go")
    return count


@kitaru.flow
def many(count: int) -> int:
    """Make so many calls in a row, then stay until the test lets it end."""
    number = 0
    for _ in range(count):
        number = add(number)
    print("counted", time.time(), flush=True)
    print("process", born(), flush=True)
    effects.happen(f"counted-{effects.attempt()}")
    effects.pass_gate(f"end-{effects.attempt()}")
    return number


def timed(number: int) -> float:
    """Return the seconds of one call."""
    began = time.perf_counter()
    add(number)
    return time.perf_counter() - began


def born() -> float:
    """Return when the kernel started this process, in seconds since 1970."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    up = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - up + int(fields[19]) / os.sysconf("SC_CLK_TCK")
