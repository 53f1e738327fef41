"""What can be watched of an execution: when its calls began and ended, and what they published meanwhile.

Beginnings and ends come from the journal, so that none is ever lost or made up; what is published is telemetry, a line
in a batch. A reader merges the two by time, and each event's cursor says how far both were read.
"""

from __future__ import annotations

import functools
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

import pydantic
from pydantic import JsonValue

from kitaru.core import journal
from kitaru.core.journal import Begun, Slot
from kitaru.errors import KitaruUsageError

CHECKPOINT_STARTED_KIND: Final = "kitaru.checkpoint.started"
CHECKPOINT_PROGRESS_KIND: Final = "kitaru.checkpoint.progress"
CHECKPOINT_RETURNED_KIND: Final = "kitaru.checkpoint.returned"
CHECKPOINT_FAILED_KIND: Final = "kitaru.checkpoint.failed"
#: What a stream may say of itself.
RESERVED_KINDS: Final = frozenset({"cursor", "end", "error", "gap", "system"})

#: The exception's own words may hold what only the execution's readers may see.
_FAILED: Final = "Checkpoint failed. See execution logs for details."
_CURSOR: Final = re.compile(r"(\d+)\.(\d+)-(\d+)\.(\d+)\.(\d+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEvent:
    """One thing that happened in an execution.

    `kind` is one of the `CHECKPOINT_…_KIND`s or what the code named it; `payload` is
    ``{"kitaru": {…}, "message": …, "data": {…}}``, the last two only where they were given; `index` counts the events
    that one try of a call published, from 1, and is None for beginnings and ends; `cursor` is given to `since=` to go
    on after this event; `checkpoint_id` is the call's id.
    """

    exec_id: str
    kind: str
    payload: Mapping[str, JsonValue]
    timestamp: datetime
    cursor: str
    checkpoint_id: str
    checkpoint_name: str
    correlation_id: str | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class Batch:
    """Which batch of telemetry: the attempt's number, then the batch's within it."""

    attempt: int
    number: int


@dataclass(frozen=True, slots=True)
class Position:
    """How far an execution was read: the next record of the log, and the next line of telemetry."""

    slot: int = 0
    record: int = 0
    batch: Batch = Batch(0, 0)
    line: int = 0

    def __str__(self) -> str:
        """Return the cursor."""
        return f"{self.slot}.{self.record}-{self.batch.attempt}.{self.batch.number}.{self.line}"


def position(cursor: str) -> Position:
    """Return what the cursor says. Raises `KitaruUsageError` for what no event had as its cursor."""
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        message = f"since={cursor!r} is no event's cursor: give an event's .cursor, or None for all events."
        raise KitaruUsageError(message)
    slot, record, attempt, number, line = (int(part) for part in found.groups())
    return Position(slot, record, Batch(attempt, number), line)


@dataclass(slots=True)
class Merge:
    """Turns the log and the telemetry of one execution into events, from the position `at` on."""

    exec_id: str
    at: Position = Position()
    _calls: dict[str, Begun] = field(default_factory=dict[str, Begun])

    def take(
        self, slots: Sequence[tuple[int, Slot]], batches: Sequence[tuple[Batch, bytes]]
    ) -> Iterator[ExecutionEvent]:
        """Yield the events of these slots and batches after the position, the earliest first, and move it on.

        Slots before the position only tell which calls began. Both come with their numbers, in their order.
        """
        journaled = deque(self._journaled(slots))
        published = deque(event for batch, body in batches for event in self._published(batch, body))
        while journaled or published:
            if not published or (journaled and journaled[0][1].timestamp <= published[0][1].timestamp):
                reached, event = journaled.popleft()
                self.at = replace(self.at, slot=reached.slot, record=reached.record)
            else:
                reached, event = published.popleft()
                self.at = replace(self.at, batch=reached.batch, line=reached.line)
            yield replace(event, cursor=str(self.at))
        # What is no event was read too.
        if slots:
            self.at = replace(self.at, slot=slots[-1][0] + 1, record=0)
        if batches:
            last = batches[-1][0]
            self.at = replace(self.at, batch=Batch(last.attempt, last.number + 1), line=0)

    def _journaled(self, slots: Iterable[tuple[int, Slot]]) -> Iterator[tuple[Position, ExecutionEvent]]:
        start = self.at
        for number, slot in slots:
            for index, record in enumerate(slot.records):
                if isinstance(record, journal.Begun):
                    self._calls[record.call] = record
                if (number, index) >= (start.slot, start.record) and (event := self._lifecycle(record)) is not None:
                    yield replace(start, slot=number, record=index + 1), event

    def _lifecycle(self, record: journal.Record) -> ExecutionEvent | None:
        match record:
            case journal.Begun(call=call, at=at):
                return self._event(CHECKPOINT_STARTED_KIND, at, self._calls[call])
            case journal.Returned(call=call, at=at) if call in self._calls:
                return self._event(CHECKPOINT_RETURNED_KIND, at, self._calls[call])
            case journal.Raised(call=call, at=at) if call in self._calls:
                return self._event(CHECKPOINT_FAILED_KIND, at, self._calls[call], {"message": _FAILED})
            case _:
                return None

    def _event(
        self, kind: str, at: datetime, call: Begun, rest: Mapping[str, JsonValue] | None = None
    ) -> ExecutionEvent:
        of = Of(execution=self.exec_id, call=call.call, name=call.name, type=call.type)
        return ExecutionEvent(
            exec_id=self.exec_id,
            kind=kind,
            payload=of.payload(rest or {}),
            timestamp=at,
            cursor="",
            checkpoint_id=call.call,
            checkpoint_name=call.name,
        )

    def _published(self, batch: Batch, body: bytes) -> Iterator[tuple[Position, ExecutionEvent]]:
        skip = self.at.line if batch == self.at.batch else 0
        for index, line in enumerate(body.splitlines()):
            if index < skip or _MARK not in line:
                continue
            yield replace(self.at, batch=batch, line=index + 1), self._told(_lines().validate_json(line))

    def _told(self, said: Line) -> ExecutionEvent:
        begun = self._calls.get(said.call)
        of = Of(execution=self.exec_id, call=said.call, name=said.checkpoint, type=begun.type if begun else None)
        given: dict[str, JsonValue] = {} if said.text is None else {"message": said.text}
        if said.data is not None:
            given["data"] = dict(said.data)
        return ExecutionEvent(
            exec_id=self.exec_id,
            kind=said.kind,
            payload=of.payload(given, said.correlation_id),
            timestamp=said.at,
            cursor="",
            checkpoint_id=said.call,
            checkpoint_name=said.checkpoint,
            correlation_id=said.correlation_id,
            index=said.index,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Of:
    """What an event is of, as every payload says it."""

    execution: str
    call: str
    name: str
    type: str | None

    def payload(self, given: Mapping[str, JsonValue], correlation: str | None = None) -> dict[str, JsonValue]:
        """Return the payload: who speaks, and what was given."""
        told: dict[str, JsonValue] = {
            "source": "kitaru",
            "execution_id": self.execution,
            "checkpoint_id": self.call,
            "checkpoint_name": self.name,
        }
        if self.type is not None:
            told["checkpoint_type"] = self.type
        if correlation is not None:
            told["correlation_id"] = correlation
        return {**given, "kitaru": told}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A published event as a line of telemetry. Other lines have another source."""

    at: datetime
    kind: str
    call: str
    checkpoint: str
    text: str | None = None
    data: Mapping[str, JsonValue] | None = None
    correlation_id: str | None = None
    index: int | None = None
    source: Literal["event"] = "event"


#: How a line that is an event is told from the many others. Quotes within the text of one are written as \\".
_MARK: Final = b'"source":"event"'


@functools.cache
def _lines() -> pydantic.TypeAdapter[Line]:
    # At the first event: a program that imports Kitaru may never publish one.
    return pydantic.TypeAdapter(Line)


def written(line: Line) -> dict[str, JsonValue]:
    """Return the line as telemetry takes it."""
    return _lines().dump_python(line, mode="json", exclude_none=True)


def encoded(line: Line) -> bytes:
    """Return the line as it stands in a batch."""
    return json.dumps(written(line), ensure_ascii=False, separators=(",", ":")).encode()


def check_kind(what: str, kind: str) -> str:
    """Return the kind. Raises `KitaruUsageError` when no event can be called so."""
    if not kind.strip() or "\n" in kind or "\r" in kind:
        message = f"{what}: kind={kind!r} must be one line of text that is not empty."
        raise KitaruUsageError(message)
    if kind in RESERVED_KINDS:
        message = f"{what}: kind={kind!r} is what streams say of themselves: choose another one."
        raise KitaruUsageError(message)
    return kind
