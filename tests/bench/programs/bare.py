"""What a step is compared with: one fsync'd commit of SQLite, and nothing else. Every program takes both in turns."""

import json
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

BODY = b"x" * 500


def opened(folder: Path) -> Callable[[int], object]:
    """Return what commits the n-th row: a key and half a kilobyte."""
    database = sqlite3.connect(folder / "bare.sqlite3", isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE IF NOT EXISTS rows (key TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID")
    return lambda n: database.execute("INSERT INTO rows VALUES (?, ?)", (f"row/{time.time_ns()}/{n:012d}", BODY))


def in_turns(step: Callable[[int], object], bare: Callable[[int], object], count: int) -> dict[str, list[float]]:
    """Return the seconds of each step and of each bare commit."""
    seconds: dict[str, list[float]] = {"step": [], "bare": []}
    for n in range(count):
        for name, act in (("step", step), ("bare", bare)):
            began = time.perf_counter()
            act(n)
            seconds[name].append(time.perf_counter() - began)
    return seconds


def each(act: Callable[[], object], count: int) -> list[float]:
    """Return the seconds of each of `count` calls, after one that is not counted."""
    seconds: list[float] = []
    for _ in range(count + 1):
        began = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began)
    return seconds[1:]


def told() -> tuple[Path, int, int]:
    """Return what the program was told: its folder, how many steps, how many flows."""
    return Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])


def tell(seconds: dict[str, list[float]]) -> None:
    """Print what was measured, as the last line."""
    print(json.dumps(seconds))
