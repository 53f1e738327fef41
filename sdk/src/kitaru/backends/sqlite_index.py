"""The executions of a SQLite store, summed up in a table, so that a list of them reads no logs.

The logs are the truth, and nobody who writes one waits for this table: a list first brings it up to date with those
that have grown since the last one, which a few queries find.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from kitaru.backends.sqlite import Cell, SqliteStore
from kitaru.core.codec import Codec
from kitaru.core.head import Head, State
from kitaru.core.spec import Spec

_PAGE: Final = 500
#: The first slot that is not there has a key of its own, by which a log that has grown is found without reading it.
_GROWN: Final = """
    SELECT id FROM executions
    WHERE state NOT IN ('completed', 'cancelled')
        AND EXISTS (SELECT 1 FROM objects WHERE key = ? || id || printf('/log/%012d', next))
"""
#: Each step is one search for the first key behind those of the execution before; '0' is the character after '/'.
_NEW: Final = """
    WITH RECURSIVE found (id) AS (
        SELECT (
            SELECT substr(key, :begin, instr(substr(key, :begin), '/') - 1) FROM objects
            WHERE key >= :root AND key < :end ORDER BY key LIMIT 1
        )
        UNION ALL
        SELECT (
            SELECT substr(key, :begin, instr(substr(key, :begin), '/') - 1) FROM objects
            WHERE key >= :root || found.id || '0' AND key < :end ORDER BY key LIMIT 1
        )
        FROM found WHERE found.id IS NOT NULL
    )
    SELECT id FROM found
    WHERE id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM executions WHERE executions.id = found.id)
        AND EXISTS (SELECT 1 FROM objects WHERE key = :root || found.id || '/spec.json')
"""
_KEEP: Final = (
    "INSERT OR REPLACE INTO executions (id, flow, created_at, state, next, summary) VALUES (?, ?, ?, ?, ?, ?)"
)
_NEWEST: Final = """
    SELECT id, created_at, summary FROM executions
    WHERE (created_at, id) < (?, ?) AND (? IS NULL OR replace(flow, '-', '_') = ?) AND state IN ({})
    ORDER BY created_at DESC, id DESC LIMIT ?
"""
#: Sorts behind every time.
_END: Final = "~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a list says of an execution, as of its log's first `head.next` slots; the head is without the result."""

    id: str
    flow: str
    created_at: datetime
    head: Head
    version: int | None = None
    original: str | None = None


_CODEC: Final = Codec[Summary](Summary)


class SqliteIndex:
    """The table. `root` is what the keys of the executions begin with, with a slash at its end."""

    def __init__(self, store: SqliteStore, root: str) -> None:
        self._store = store
        self._root = root

    def behind(self) -> list[str]:
        """Return the ids of the executions that the table lacks, or that have new slots."""
        where: Mapping[str, Cell] = {
            "root": self._root,
            "end": f"{self._root.removesuffix('/')}0",
            "begin": len(self._root) + 1,
        }
        new = self._store.rows("search for new executions", _NEW, where)
        grown = self._store.rows("search for executions that went on", _GROWN, (self._root,))
        return [str(row[0]) for row in (*new, *grown)]

    def keep(self, summaries: Sequence[Summary]) -> None:
        """Put summaries in the place of older ones."""
        rows = [
            (one.id, one.flow, _text(one.created_at), str(one.head.state), one.head.next, _CODEC.encode(one))
            for one in summaries
        ]
        self._store.change("summary of executions", _KEEP, rows)

    def newest(self, flow: str | None, states: Sequence[State]) -> Iterator[Summary]:
        """Yield the executions of a flow, in any of the states, the newest first; read a few hundred at a time."""
        query = _NEWEST.format(", ".join("?" for _ in states))
        last: tuple[str, str] = (_END, "")
        while True:
            parameters = (*last, flow, flow, *map(str, states), _PAGE)
            rows = self._store.rows("list of executions", query, parameters)
            for exec_id, created_at, summary in rows:
                last = (str(created_at), str(exec_id))
                yield _CODEC.decode(summary if isinstance(summary, bytes) else b"")
            if len(rows) < _PAGE:
                return


def summary(exec_id: str, spec: Spec, head: Head) -> Summary:
    """Return the summary of an execution."""
    return Summary(
        id=exec_id,
        flow=spec.flow,
        created_at=spec.created_at,
        version=spec.version,
        original=spec.replay.execution if spec.replay else None,
        head=head.without_result(),
    )


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
