"""Kitaru alone: a checkpoint's overhead after many others, and those checkpoints reused by a resumed attempt.

Usage: kitaru_growth.py <folder> <checkpoints> <flows>, the store under KITARU_CONFIG_PATH. `after N` are the seconds of
the last tenth of the first N checkpoints.
"""

import contextlib
import time

import bare

import kitaru

_, many, _ = bare.told()
calls: list[float] = []


@kitaru.checkpoint
def add_one(n: int) -> int:
    """Do next to nothing."""
    return n + 1


@kitaru.flow
def growing(count: int) -> int:
    """Call checkpoints, and fail the first time that they are all done."""
    first = not calls
    calls.clear()
    for n in range(count):
        began = time.perf_counter()
        add_one(n)
        calls.append(time.perf_counter() - began)
    if first:
        message = "retry me"
        raise RuntimeError(message)
    return count


def main() -> None:
    """Run it, keep what each call took, and have it reuse them all."""
    handle = growing.run(many)
    with contextlib.suppress(kitaru.KitaruExecutionError):
        handle.wait()
    looks = (many // 100, many // 10, many)
    seconds = {f"after {done}": calls[done - max(1, done // 10) : done] for done in looks}
    began = time.perf_counter()
    kitaru.KitaruClient().executions.retry(handle.exec_id)
    handle.wait()
    seconds["resumed"] = [time.perf_counter() - began]
    seconds["reused"] = list(calls)
    bare.tell(seconds)


main()
