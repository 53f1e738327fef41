"""Explores runs and prints a table: `python -m tests.model`, or `python -m tests.model NAME …` with traces in words."""

from __future__ import annotations

import multiprocessing
import sys
import time

from tests.model import corners, search
from tests.model.search import Found

#: By name, because what a run puts into a seam cannot be sent to another process.
RUNS = {run.name: run for run in (*corners.HOLDS, *corners.UNDONE, *corners.CONTROLS)}


def explore(name: str) -> tuple[str, Found, float]:
    """Explore one run; return what was found and the seconds of processor time it took."""
    begin = time.process_time()
    found = search.explore(RUNS[name].seams, RUNS[name].scenario)
    return name, found, time.process_time() - begin


def main(names: list[str]) -> int:
    """Explore the runs whose name contains one of `names`, all without any; return 1 if one ends unexpectedly."""
    chosen = [name for name in RUNS if not names or any(part in name for part in names)]
    wrong = 0
    print("| run | states | moves | seconds | verdict |\n|---|---:|---:|---:|---|")
    with multiprocessing.Pool(maxtasksperchild=1) as pool:
        for name, found, seconds in pool.imap(explore, chosen, chunksize=1):
            expect = RUNS[name].expect
            expected = found.violation.startswith(expect) if expect else not found.violation
            wrong += not expected
            verdict = (found.violation or "holds") + ("" if expected else " **unexpected**")
            print(f"| {name} | {found.states:,} | {found.moves:,} | {seconds:.1f} | {verdict} |", flush=True)
            if names or not expected:
                print("\n".join(f"    {number}. {step}" for number, step in enumerate(found.trace, 1)), flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
