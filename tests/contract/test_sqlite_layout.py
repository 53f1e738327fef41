"""Stores that older versions left, and what a crash leaves behind in one."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from kitaru.backends.sqlite import SqliteStore
from kitaru.backends.sqlite_layout import SCHEMA
from kitaru.client import ExecutionStatus, KitaruClient
from kitaru.connect import open_local

GOLDEN: Final = sorted((Path(__file__).parents[1] / "golden" / "store").glob("layout-*.sql"))
SECONDS: Final = 60
COUNTED, ASKED, FAILING = (
    "e028a1a140b402b79d87758ff47ff0ac",
    "dc09e7db08534626f5d66159a477db2a",
    "94b7e052a6f56cc5027462c58364c933",
)
#: Writes as fast as it can until a file is there; prints its slowest write, in seconds, and how many there were.
BUSY: Final = """
import sys, time
from pathlib import Path
from kitaru.backends.sqlite import SqliteStore

folder, me, stop = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
slowest, number = 0.0, 0
with SqliteStore(folder) as store:
    while not stop.exists():
        begin = time.monotonic()
        store.put(f"{me}/{number}", b"x" * 100)
        slowest, number = max(slowest, time.monotonic() - begin), number + 1
print(slowest, number)
"""


def _restored(folder: Path, golden: Path) -> None:
    """Make the store that a golden file describes, with the one large value that it names."""
    (folder / "objects").mkdir()
    (folder / "objects" / "1e16a660f867e12c91cd409855791e4f").write_text(f'"{"x" * 70_000}"', encoding="utf-8")
    database = sqlite3.connect(folder / "objects.sqlite3")
    database.executescript(golden.read_text(encoding="utf-8"))
    database.close()


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_a_store_of_an_older_layout_is_brought_forward(tmp_path: Path, golden: Path) -> None:
    """Its executions are all there, with their results, and it has today's layout then."""
    _restored(tmp_path, golden)
    executions = KitaruClient(open_local(tmp_path)).executions
    rows = {row.exec_id: (row.flow_name, row.status) for row in executions.list()}
    assert rows == {
        COUNTED: ("counted", ExecutionStatus.COMPLETED),
        ASKED: ("asked", ExecutionStatus.WAITING),
        FAILING: ("failing", ExecutionStatus.FAILED),
    }
    assert executions.handle(COUNTED).get() == 70_004
    counted = executions.get(COUNTED)
    assert [len(str(one.load())) for one in counted.artifacts] == [1, 4, 70_000]
    assert [wait.wait_id for wait in executions.pending_waits(ASKED)] == ["word"]
    database = sqlite3.connect(tmp_path / "objects.sqlite3")
    assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
    database.close()


def test_every_layout_has_a_golden_file() -> None:
    """A new layout comes with a file that the version before it wrote."""
    assert [path.stem for path in GOLDEN] == [f"layout-{number}" for number in range(1, SCHEMA)]


def test_what_a_crash_left_is_removed_by_whoever_is_alone(tmp_path: Path) -> None:
    """A file that no row names may be one that another process is writing: it goes when nobody else is there."""
    files = tmp_path / "objects"
    with SqliteStore(tmp_path) as first:
        first.put("large", b"x" * 100_000)
        (files / ("0" * 32)).write_bytes(b"what a killed process wrote")
        with SqliteStore(tmp_path) as second:
            assert len(list(files.iterdir())) == 2
            assert second.get("large") == b"x" * 100_000
    with SqliteStore(tmp_path) as alone:
        assert len(list(files.iterdir())) == 1
        assert alone.get("large") == b"x" * 100_000


def test_busy_processes_take_turns(tmp_path: Path) -> None:
    """Of eight processes that write all the time none waits for long, and none is kept out."""
    SqliteStore(tmp_path).close()
    stop = tmp_path / "stop"
    command = [sys.executable, "-c", BUSY, str(tmp_path)]
    writers = [
        subprocess.Popen([*command, str(number), str(stop)], stdout=subprocess.PIPE, text=True) for number in range(8)
    ]
    with SqliteStore(tmp_path) as store:
        end = time.monotonic() + SECONDS
        while not all(store.head(f"{number}/200") for number in range(8)):
            assert time.monotonic() < end, f"waited {SECONDS} s for each of eight to write 200 times"
            time.sleep(0.05)
    stop.touch()
    ends = [writer.communicate(timeout=SECONDS)[0].split() for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 8
    assert max(float(slowest) for slowest, _ in ends) < 5
