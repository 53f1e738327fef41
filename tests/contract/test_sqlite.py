"""What the SQLite store promises beyond the contract: processes, crashes, and files of other versions."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from kitaru.backends.sqlite import INLINE, SqliteStore
from kitaru.backends.sqlite_layout import SCHEMA
from kitaru.errors import (
    JournalFormatError,
    KitaruBackendError,
    StoreDeniedError,
    StoreUnavailableError,
)

SECONDS = 30
#: Creates 200 keys that its twin creates too, once both are ready; prints those it won.
RACER = """
import sys
from pathlib import Path
from kitaru.backends.sqlite import SqliteStore

folder, me, size = Path(sys.argv[1]), sys.argv[2].encode(), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
with SqliteStore(folder) as store:
    for number in range(200):
        if store.create(f"log/{number}", me * size):
            print(number, flush=True)
"""
#: Creates keys for ever, and prints each once it is there.
WRITER = """
import itertools, sys
from pathlib import Path
from kitaru.backends.sqlite import SqliteStore

store = SqliteStore(Path(sys.argv[1]))
for number in itertools.count():
    size = 100_000 if number % 10 == 0 else 100
    assert store.create(f"log/{number}", b"%d." % number * size)
    print(number, flush=True)
"""


def started(program: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a Python program in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("size", [10, INLINE + 1], ids=["small", "large"])
def test_two_processes_never_win_the_same_create(tmp_path: Path, size: int) -> None:
    """Two processes that open a new folder at once and race for 200 keys win each key once."""
    racers = {me: started(RACER, str(tmp_path), me, str(size)) for me in "ab"}
    for racer in racers.values():
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    won: dict[int, str] = {}
    for racer in racers.values():
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for me, racer in racers.items():
        output, _ = racer.communicate(timeout=SECONDS)
        assert racer.returncode == 0
        for number in map(int, output.split()):
            assert won.setdefault(number, me) == me
    assert sorted(won) == list(range(200))
    with SqliteStore(tmp_path) as store:
        assert all(store.get(f"log/{number}") == me.encode() * size for number, me in won.items())


def test_a_create_that_returned_survives_kill_9(tmp_path: Path) -> None:
    """Whatever a process was told is there, is there whole after it was killed in the next write."""
    writer = started(WRITER, str(tmp_path))
    assert writer.stdout is not None
    told = [int(writer.stdout.readline()) for _ in range(100)]
    writer.kill()
    told += [int(line) for line in writer.communicate(timeout=SECONDS)[0].split()]
    with SqliteStore(tmp_path) as store:
        for number in told:
            size = 100_000 if number % 10 == 0 else 100
            assert store.get(f"log/{number}") == f"{number}.".encode() * size
        assert store.create("log/next", b"goes on") is True


def test_large_values_lie_in_files_beside_the_database(tmp_path: Path) -> None:
    """A file is there as long as a row names it, and no longer."""
    files = tmp_path / "objects"
    with SqliteStore(tmp_path) as store:
        store.put("small", bytes(INLINE))
        assert list(files.iterdir()) == []
        store.put("large", bytes(INLINE + 1))
        assert store.create("large", bytes(INLINE + 2)) is False
        assert [file.stat().st_size for file in files.iterdir()] == [INLINE + 1]
        store.put("large", bytes(INLINE + 3))
        assert [file.stat().st_size for file in files.iterdir()] == [INLINE + 3]
        store.delete("large")
        assert list(files.iterdir()) == []


def test_a_lost_file_is_an_error_and_not_a_missing_object(tmp_path: Path) -> None:
    """None means that there is no such object; a value that was lost is not that."""
    with SqliteStore(tmp_path) as store:
        store.put("large", bytes(INLINE + 1))
        for file in (tmp_path / "objects").iterdir():
            file.unlink()
        with pytest.raises(KitaruBackendError, match="'large' is gone: restore"):
            store.get("large")


def test_a_newer_file_is_refused_by_name(tmp_path: Path) -> None:
    """A store that a newer Kitaru laid out is not touched; the message names both versions."""
    SqliteStore(tmp_path).close()
    place = tmp_path / "objects.sqlite3"
    database = sqlite3.connect(place)
    database.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    database.close()
    with pytest.raises(JournalFormatError, match=rf"layout {SCHEMA + 1}, .* up to {SCHEMA}"):
        SqliteStore(tmp_path)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """The message says which file, and what to do about it."""
    (tmp_path / "objects.sqlite3").write_bytes(b"no database" * 100)
    with pytest.raises(KitaruBackendError, match=r"objects\.sqlite3 is not a database") as caught:
        SqliteStore(tmp_path)
    assert not caught.value.retryable


def test_a_place_where_no_folder_can_be_is_unavailable(tmp_path: Path) -> None:
    """A file in the place of the folder is an error of the store, not of Python."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailableError, match="open in"):
        SqliteStore(tmp_path / "file")


def test_a_folder_in_the_place_of_the_database_is_denied(tmp_path: Path) -> None:
    """SQLite cannot open a folder: nothing that trying again would change."""
    (tmp_path / "objects.sqlite3").mkdir()
    with pytest.raises(StoreDeniedError, match=r"objects\.sqlite3"):
        SqliteStore(tmp_path)


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Whoever uses a closed store is told, and closing twice is no error."""
    store = SqliteStore(tmp_path)
    store.close()
    store.close()
    with pytest.raises(KitaruBackendError, match="closed") as caught:
        store.get("a")
    assert not caught.value.retryable
