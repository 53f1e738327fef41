"""What lies where in the local store's database, from the first layout to today's.

The file says its layout in `PRAGMA user_version`. A store of an older layout is brought forward when it is opened, in
one transaction; one of a newer layout is refused by name. A step never changes: the files under `tests/golden/store`
hold that every layout that there ever was can be opened for ever.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from kitaru.backends.sqlite_connection import Connection
from kitaru.errors import JournalFormatError

_OBJECTS: Final = """
    CREATE TABLE objects (
        key TEXT PRIMARY KEY NOT NULL,
        size INTEGER NOT NULL,
        metadata TEXT NOT NULL, -- JSON, names in lower case
        body BLOB,              -- NULL: the content is in `file`
        file TEXT               -- the name of a file in the folder `objects`
    ) WITHOUT ROWID
"""
_FILES: Final = "CREATE INDEX files ON objects (file) WHERE file IS NOT NULL"
#: Sums up what `objects` says of each execution, so that lists are fast; it may lack some, and lag behind.
_EXECUTIONS: Final = """
    CREATE TABLE executions (
        id TEXT PRIMARY KEY NOT NULL,
        flow TEXT NOT NULL,
        created_at TEXT NOT NULL, -- in UTC, to the microsecond, so that text sorts as time does
        state TEXT NOT NULL,      -- of its log, as it was when `next` was the first slot that is not there
        next INTEGER NOT NULL,
        summary BLOB NOT NULL     -- JSON
    ) WITHOUT ROWID
"""
_NEWEST: Final = "CREATE INDEX newest ON executions (created_at, id)"

#: What leads from layout n to layout n + 1, n from 0, which is an empty file.
STEPS: Final = ((_OBJECTS,), (_FILES, _EXECUTIONS, _NEWEST))
#: The layout that this version writes, and the newest that it reads.
SCHEMA: Final = len(STEPS)


def prepare(writes: Connection, place: Path) -> None:
    """Bring the database to today's layout. Raises `JournalFormatError` when a newer Kitaru laid it out."""
    with writes.alone() as connection:
        version = _version(connection)
    if version < SCHEMA:
        with writes.transaction() as connection:
            version = _version(connection)  # another process may have been faster
            for number in range(version, SCHEMA):
                for statement in STEPS[number]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number + 1}")
    if version > SCHEMA:
        message = (
            f"The store {place} has layout {version}, and this Kitaru reads layouts up to {SCHEMA}: "
            "use a version at least as new as the one that wrote it."
        )
        raise JournalFormatError(message)


def _version(connection: sqlite3.Connection) -> int:
    row: tuple[int] = connection.execute("PRAGMA user_version").fetchone()
    return row[0]
