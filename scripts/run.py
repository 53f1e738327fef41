"""Run parts of the project's checks in order, stop at the first that fails, print each one's time.

Usage: run.py check | integration | e2e | test | bench
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
BIN: Final = Path(sys.executable).parent

# More workers than this cost more to start than they save.
WORKERS: Final = ("-n", "auto", "--maxprocesses", "8")

PARTS: Final[dict[str, Sequence[str]]] = {
    "prerequisites": ("scripts/prerequisites", "all"),
    "format": ("ruff", "format", "--quiet", "--check"),
    "lint": ("ruff", "check", "--quiet"),
    "types": ("basedpyright",),
    "imports": ("lint-imports", "--no-logo"),
    # Units, repository, laws at 50 examples, contracts in memory and on SQLite, the model small.
    "tests": ("pytest", "-q", *WORKERS, "-m", "not integration and not e2e"),
    # The model whole: nothing but computing, so that it takes all processors.
    "model": ("pytest", "-q", *WORKERS, "-m", "integration", "tests/model"),
    # Laws at 2,000 examples: likewise.
    "laws": ("pytest", "-q", *WORKERS, "-m", "laws", "--hypothesis-profile=full"),
    # Contracts on real servers; one process, because the servers are started once.
    "integration": ("pytest", "-m", "integration", "--ignore=tests/model"),
    "e2e": ("pytest", "-m", "e2e"),
    # Prints a table and asserts nothing, so it is no part of the tests.
    "bench": ("python", "-m", "tests.bench.speed"),
}
CHECK: Final = ("format", "lint", "types", "imports", "tests")
TARGETS: Final[dict[str, Sequence[str]]] = {
    "check": CHECK,
    "integration": ("prerequisites", "model", "laws", "integration"),
    "e2e": ("prerequisites", "e2e"),
    "bench": ("bench",),
    "test": ("prerequisites", *CHECK, "model", "laws", "integration", "e2e"),
}


def main(target: str) -> int:
    """Run the target's parts; return 0 when all passed, else 1."""
    rows: list[tuple[str, float, str]] = []
    for part in TARGETS[target]:
        print(f"==> {part}", flush=True)
        began = time.monotonic()
        passed = run(PARTS[part])
        rows.append((part, time.monotonic() - began, "passed" if passed else "FAILED"))
        if not passed:
            break
    print_table(target, rows)
    return 0 if all(outcome == "passed" for _, _, outcome in rows) else 1


def run(command: Sequence[str]) -> bool:
    """Run a command of the environment, or of the repository; say whether it succeeded."""
    tool = BIN / command[0]
    program = tool if tool.exists() else ROOT / command[0]
    return subprocess.run([str(program), *command[1:]], cwd=ROOT, check=False).returncode == 0


def print_table(target: str, rows: Sequence[tuple[str, float, str]]) -> None:
    """Print one line a part, those that were not reached included, and the sum."""
    print()
    for part, seconds, outcome in rows:
        print(f"{part:<16}{seconds:>9.1f} s  {outcome}")
    for part in TARGETS[target][len(rows) :]:
        print(f"{part:<16}{'-':>9}    not reached")
    print(f"{'make ' + target:<16}{sum(seconds for _, seconds, _ in rows):>9.1f} s")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
