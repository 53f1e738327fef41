"""Kitaru alone: one-checkpoint flows a second in one process, and what a finished or parked one leaves in its memory.

Usage: kitaru_flows.py <folder> <0: as fast as it can, 1: memory> <flows>, the store under KITARU_CONFIG_PATH.
"""

import gc
import time
import tracemalloc
from collections.abc import Callable

import bare

import kitaru

_, memory, flows = bare.told()


@kitaru.checkpoint
def add_one(n: int) -> int:
    """Do next to nothing."""
    return n + 1


@kitaru.flow
def one(n: int) -> int:
    """Call one checkpoint."""
    return add_one(n)


@kitaru.flow
def parked() -> None:
    """Park at once."""
    kitaru.wait(name="for_ever", timeout=0)


def run(count: int) -> None:
    """Run that many flows, at most a hundred at a time."""
    for begin in range(0, count, 100):
        for handle in [one.run(n) for n in range(begin, min(count, begin + 100))]:
            handle.wait()


def park(count: int) -> None:
    """Start that many flows, and let each park."""
    for _ in range(count):
        handle = parked.run()
        while handle.status in {"pending", "running"}:
            time.sleep(0.001)


def kept(act: Callable[[int], None]) -> float:
    """Return the bytes that each execution leaves behind."""
    act(20)
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    act(flows)
    gc.collect()
    return (tracemalloc.get_traced_memory()[0] - before) / flows


def main() -> None:
    """Measure what was asked for."""
    run(20)
    if memory:
        tracemalloc.start()
        bare.tell({"finished": [kept(run)], "parked": [kept(park)]})
        return
    print("ready", flush=True)
    input()
    began = time.time()
    run(flows)
    bare.tell({"began": [began], "ended": [time.time()]})


main()
