"""The ObjectStore port on one SQLite file: the local stack's store.

The journal needs nothing else of it than of S3, so the same protocol runs on both. Values over 64 KiB
lie as files beside the database. What a method has written survives a crash of the process and a loss
of power: the log is synced at each commit, and a file before the row that names it. A crash in
between leaves a file that no row names: the next process that has the folder for itself removes it.
"""

from __future__ import annotations

import fcntl
import json
import secrets
import sqlite3
import weakref
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self, TypeAlias

from kitaru.backends import durable, sqlite_layout
from kitaru.backends.sqlite_connection import Connection, Turn
from kitaru.errors import (
    KitaruBackendError,
    StoreDeniedError,
    StoreUnavailableError,
)
from kitaru.ports import ObjectInfo

#: Bytes up to which a value lies in the database; above, reading a file is faster than a blob.
INLINE: Final = 64 * 1024

_PAGE: Final = 1000
_INSERT: Final = "INSERT INTO objects (key, size, metadata, body, file) VALUES (?, ?, ?, ?, ?)"
_CREATE: Final = f"{_INSERT} ON CONFLICT DO NOTHING"
_PUT: Final = f"""{_INSERT} ON CONFLICT DO UPDATE SET
    size = excluded.size, metadata = excluded.metadata, body = excluded.body, file = excluded.file"""
_GET: Final = "SELECT body, file FROM objects WHERE key = ?"
_FILE: Final = "SELECT file FROM objects WHERE key = ?"
_FILES: Final = "SELECT file FROM objects WHERE file IS NOT NULL"
_HEAD: Final = "SELECT size, metadata FROM objects WHERE key = ?"
_LIST: Final = "SELECT key, size FROM objects WHERE key >= ? AND key > ? ORDER BY key LIMIT ?"
_DELETE: Final = "DELETE FROM objects WHERE key = ?"

_DENIED: Final = frozenset({sqlite3.SQLITE_AUTH, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY})
_BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

#: What a cell of a table holds.
Cell: TypeAlias = str | int | bytes | None
#: key, size, metadata, body, file: as the table's columns.
_Row: TypeAlias = tuple[str, int, str, bytes | None, str | None]


class SqliteStore:
    """The objects of one folder: `objects.sqlite3`, and `objects/` for the large ones.

    Threads may share it, and any number of processes may open the same folder at once. It is closed by
    `close`, by leaving its `with` block, or when the process ends.
    """

    def __init__(self, folder: Path, *, lasting: bool = True) -> None:
        """Open the folder, or make it. Raises `JournalFormatError` when a newer Kitaru made it.

        Of a store that is not lasting, the last writes may be lost when the power fails, and each is ten times as
        fast.
        """
        #: What was opened; others may keep there what can be made anew.
        self.folder: Final = folder
        self._place = folder / "objects.sqlite3"
        self._files = folder / "objects"
        with self._explained("open"):
            durable.make_folder(self._files)
            with _opening(folder):
                # Of its own, so that a read does not wait while a commit reaches the disk.
                self._reads = Connection(self._place, lasting=lasting)
                turn, use = Turn(folder / "writing"), (folder / "using").open("ab")
                self._writes = Connection(self._place, lasting=lasting, turn=turn)
                self._finalizer = weakref.finalize(self, _close, self._reads, self._writes, turn, use)
                sqlite_layout.prepare(self._writes, self._place)
                self._clean(use)
            durable.flush_folder(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; no other method may be called any more."""
        self._finalizer()

    def get(self, key: str) -> bytes | None:
        """Return the object's content, None if there is no such object."""
        with self._explained(f"get of key {key!r}"):
            row = self._row(key)
            while row is not None:
                body, file = row
                if file is None:
                    return body
                try:
                    return (self._files / file).read_bytes()
                except FileNotFoundError as error:
                    # Replaced or removed since the row was read; else it is lost.
                    row, old = self._row(key), row
                    if row == old:
                        message = (
                            f"The file {self._files / file} of key {key!r} is gone: restore the folder from a backup."
                        )
                        raise KitaruBackendError(message) from error
            return None

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None, *, lasting: bool = True) -> None:
        """Write the object, whether it exists or not; durable on return if `lasting`."""
        self._put(self._explained(f"put of key {key!r}"), {key: body}, metadata, lasting=lasting)

    def put_all(self, objects: Mapping[str, bytes], *, lasting: bool = True) -> None:
        """Write the objects, whether they exist or not: all of them or none, durable on return if `lasting`."""
        self._put(self._explained(f"put of {len(objects)} objects"), objects, lasting=lasting)

    def create(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None, *, lasting: bool = True) -> bool:
        """Write the object if there is none; return whether it was written. Durable on return if `lasting`."""
        with self._explained(f"create of key {key!r}"):
            row = self._written(key, body, metadata)
            created = self._writes.change(
                lambda connection: connection.execute(_CREATE, row).rowcount == 1, lasting=lasting, single=True
            )
            if not created:
                self._discard(row[-1])
            return created

    def head(self, key: str) -> ObjectInfo | None:
        """Return size and metadata of the object, None if there is no such object."""
        with self._explained(f"head of key {key!r}"), self._reads.alone() as connection:
            row: tuple[int, str] | None = connection.execute(_HEAD, (key,)).fetchone()
        if row is None:
            return None
        size, metadata = row
        return ObjectInfo(key=key, size=size, metadata=json.loads(metadata))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Return the objects whose key begins with `prefix`, by key, read a thousand at a time."""
        last = ""
        while True:
            with self._explained(f"listing of {prefix!r}"), self._reads.alone() as connection:
                rows: list[tuple[str, int]] = connection.execute(_LIST, (prefix, last, _PAGE)).fetchall()
            for key, size in rows:
                if not key.startswith(prefix):
                    return
                yield ObjectInfo(key=key, size=size)
            if len(rows) < _PAGE:
                return
            last = rows[-1][0]

    def delete(self, key: str) -> None:
        """Remove the object, durably; no error if there is none."""
        with self._explained(f"delete of key {key!r}"):
            self._discard(self._writes.change(partial(_deleted, key=key)))

    def rows(
        self, request: str, query: str, parameters: Sequence[Cell] | Mapping[str, Cell] = ()
    ) -> list[tuple[Cell, ...]]:
        """Return what a query of the tables finds. `request` is its name in errors."""
        with self._explained(request), self._reads.alone() as connection:
            return connection.execute(query, parameters).fetchall()

    def change(self, request: str, statement: str, rows: Sequence[Sequence[Cell]]) -> None:
        """Execute a statement for each row, all in one transaction."""
        with self._explained(request):
            self._writes.change(lambda connection: connection.executemany(statement, rows))

    def _put(
        self,
        explained: AbstractContextManager[None],
        objects: Mapping[str, bytes],
        metadata: Mapping[str, str] | None = None,
        *,
        lasting: bool = True,
    ) -> None:
        with explained:
            rows = [self._written(key, body, metadata) for key, body in objects.items()]
            for file in self._writes.change(partial(_replaced, rows=rows), lasting=lasting):
                self._discard(file)

    def _clean(self, use: IO[bytes]) -> None:
        """Remove files that no row names, unless another process has the folder open and may be writing one."""
        try:
            fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            with self._reads.alone() as connection:
                named = {str(row[0]) for row in connection.execute(_FILES)}
            for file in self._files.iterdir():
                if file.name not in named:
                    file.unlink(missing_ok=True)
        # Whoever opens the folder does so alone, so nobody has the lock for longer than the lines above.
        fcntl.flock(use, fcntl.LOCK_SH)

    def _row(self, key: str) -> tuple[bytes, str | None] | None:
        with self._reads.alone() as connection:
            row: tuple[bytes, str | None] | None = connection.execute(_GET, (key,)).fetchone()
        return row

    def _written(self, key: str, body: bytes, metadata: Mapping[str, str] | None) -> _Row:
        """Return the row of an object, its content written to a file first if it is large."""
        names = json.dumps({name.lower(): value for name, value in metadata.items()}) if metadata else "{}"
        if len(body) <= INLINE:
            return key, len(body), names, body, None
        file = secrets.token_hex(16)
        durable.write_file(self._files / file, body)
        return key, len(body), names, None, file

    def _discard(self, file: str | None) -> None:
        if file is not None:
            (self._files / file).unlink(missing_ok=True)

    @contextmanager
    def _explained(self, request: str) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _explanation(error, request, self._place) from error
        except PermissionError as error:
            message = f"The {request} in {self._place} is not permitted: {error}."
            raise StoreDeniedError(message) from error
        except OSError as error:
            message = f"The {request} in {self._place} failed: {error}."
            raise StoreUnavailableError(message) from error


@contextmanager
def _opening(folder: Path) -> Generator[None]:
    """Let one process at a time open a folder.

    SQLite waits for no other process while it switches a new file to its write-ahead log: the second of two that open
    it at once would be told that the database is locked. The kernel takes the lock back from a process that dies.
    """
    with (folder / "opening").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # A child that was forked meanwhile has the file open, and would keep the lock.
            fcntl.flock(lock, fcntl.LOCK_UN)


def _replaced(connection: sqlite3.Connection, rows: Sequence[_Row]) -> list[str | None]:
    """Write the rows, and return the files of those that were there."""
    old = [_file(connection, row[0]) for row in rows]
    connection.executemany(_PUT, rows)
    return old


def _deleted(connection: sqlite3.Connection, key: str) -> str | None:
    """Delete the row, and return its file."""
    old = _file(connection, key)
    connection.execute(_DELETE, (key,))
    return old


def _file(connection: sqlite3.Connection, key: str) -> str | None:
    row: tuple[str | None] | None = connection.execute(_FILE, (key,)).fetchone()
    return None if row is None else row[0]


def _explanation(error: sqlite3.Error, request: str, place: Path) -> KitaruBackendError:
    if isinstance(error, sqlite3.ProgrammingError):
        return KitaruBackendError(f"The {request} in {place} is a call at the wrong time: {error}")
    code = error.sqlite_errorcode & 0xFF
    if code in _DENIED:
        return StoreDeniedError(f"The {request} in {place} is not permitted: {error}.")
    if code in _BROKEN:
        return KitaruBackendError(
            f"{place} is not a database that SQLite can read ({error}): restore it from a backup."
        )
    return StoreUnavailableError(f"The {request} in {place} failed: {error}.")


def _close(*parts: Connection | Turn | IO[bytes]) -> None:
    for part in parts:
        part.close()
