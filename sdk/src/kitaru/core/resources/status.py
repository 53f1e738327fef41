"""The status of an execution within its budget: 2.5 KiB, however many waits, and however large they are.

A status is read by every watcher at every change and kept by etcd in every revision, so its size is a promise. What
it leaves out stands in the journal.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import pydantic
from pydantic import JsonValue

from kitaru.core.head import Head, OpenWait
from kitaru.core.journal import Value
from kitaru.core.resources.conditions import Condition
from kitaru.core.resources.execution import WAITS_SHOWN, ExecutionStatus, WaitStatus
from kitaru.core.resources.model import write

#: The bytes that a status may have, as the API server stores it.
BUDGET: Final = 2560
_QUESTION: Final = 80
_TEXT: Final = 256
_SHORT: Final = 64
#: Waits that keep their details longest.
_DETAILED: Final = 3
_WAITING_FOR: Final = 200
#: What a preview of a result and a question have at most, before the budget is looked at.
_PREVIEW: Final = 1024
#: What Go's JSON writes as an escape of six bytes, and Python's does not.
_ESCAPED: Final = frozenset("<>&\u2028\u2029")
_INT64: Final = range(-(2**63), 2**63)
_OBJECT: Final = pydantic.TypeAdapter(dict[str, JsonValue])


def size(status: ExecutionStatus) -> int:
    """Return how many bytes the API server keeps for the status."""
    return _stored(json.dumps(write(status), ensure_ascii=False, separators=(",", ":")))


def _stored(text: str) -> int:
    return len(text.encode()) + sum(6 - len(char.encode()) for char in text if char in _ESCAPED)


def cut(text: str, limit: int) -> str:
    """Return the text, or its beginning and an ellipsis, in at most `limit` bytes as they stand in stored JSON."""
    if _quoted(text) <= limit:
        return text
    room = limit - len("…".encode())
    lengths = itertools.accumulate(_quoted(char) for char in text)
    end = sum(1 for _ in itertools.takewhile(lambda length: length <= room, lengths))
    return f"{text[:end]}…"


def _cut(text: str | None, limit: int) -> str | None:
    return None if text is None else cut(text, limit)


def _quoted(text: str) -> int:
    return _stored(json.dumps(text, ensure_ascii=False)) - 2


def bounded(status: ExecutionStatus) -> ExecutionStatus:
    """Return the status within its budget.

    It is cut in this order, and no further than it must be: the schemas of waits, the last first (the journal's slot
    has them); questions to 80 bytes; waits beyond the third to id and name; the result and the messages to 256
    bytes; all texts to 64 bytes; whole waits, the last first; the conditions' messages. Answers still reach a wait
    that is left out.
    """
    steps = _steps(status)
    while size(status) > BUDGET and (step := next(steps, None)) is not None:
        status = step(status)
    return status


def _steps(status: ExecutionStatus) -> Iterator[Callable[[ExecutionStatus], ExecutionStatus]]:
    places = range(len(status.waits))
    yield from (_without_schema(place) for place in reversed(places))
    yield _questions(_QUESTION)
    yield _only_names
    yield _texts(_TEXT)
    yield _questions(_SHORT)
    yield _texts(_SHORT)
    yield from (_first_waits(place) for place in reversed(places))
    yield _bare


def _without_schema(place: int) -> Callable[[ExecutionStatus], ExecutionStatus]:
    def step(status: ExecutionStatus) -> ExecutionStatus:
        return _with_waits(
            status,
            (
                one.model_copy(update={"schema_": None}) if number == place else one
                for number, one in enumerate(status.waits)
            ),
        )

    return step


def _questions(limit: int) -> Callable[[ExecutionStatus], ExecutionStatus]:
    def step(status: ExecutionStatus) -> ExecutionStatus:
        return _with_waits(
            status,
            (one.model_copy(update={"question": _cut(one.question, limit)}) for one in status.waits),
        )

    return step


def _only_names(status: ExecutionStatus) -> ExecutionStatus:
    names = (WaitStatus(id=one.id, name=one.name, slot=one.slot) for one in status.waits[_DETAILED:])
    return _with_waits(status, (*status.waits[:_DETAILED], *names))


def _texts(limit: int) -> Callable[[ExecutionStatus], ExecutionStatus]:
    def step(status: ExecutionStatus) -> ExecutionStatus:
        failure = status.failure
        if failure is not None:
            failure = failure.model_copy(update={"message": cut(failure.message, limit)})
        return status.model_copy(
            update={
                "result": _cut(status.result, limit),
                "waiting_for": _cut(status.waiting_for, limit),
                "failure": failure,
                "conditions": tuple(_shortened(one, limit) for one in status.conditions),
            }
        )

    return step


def _shortened(condition: Condition, limit: int) -> Condition:
    return condition.model_copy(update={"message": cut(condition.message, limit)})


def _first_waits(count: int) -> Callable[[ExecutionStatus], ExecutionStatus]:
    def step(status: ExecutionStatus) -> ExecutionStatus:
        return _with_waits(status, status.waits[:count])

    return step


def _bare(status: ExecutionStatus) -> ExecutionStatus:
    """Return the status with its reasons alone, and with call ids cut: for images and stores of very long names."""
    failure = status.failure
    conditions = tuple(one.model_copy(update={"message": ""}) for one in status.conditions)
    return status.model_copy(
        update={
            "failure": failure and failure.model_copy(update={"checkpoint": _cut(failure.checkpoint, _SHORT)}),
            "conditions": conditions,
        }
    )


def _with_waits(status: ExecutionStatus, waits: Sequence[WaitStatus] | Iterator[WaitStatus]) -> ExecutionStatus:
    return status.model_copy(update={"waits": tuple(waits)})


def waits(head: Head) -> tuple[WaitStatus, ...]:
    """Return the open waits for the status, the oldest eight."""
    return tuple(_wait(one) for one in head.waits[:WAITS_SHOWN])


def _wait(wait: OpenWait) -> WaitStatus:
    return WaitStatus(
        id=wait.id,
        name=wait.name,
        slot=wait.slot,
        question=_cut(wait.question, _PREVIEW),
        schema_=None if wait.schema is None else _schema(wait.schema),
        since=wait.since,
        deadline=wait.deadline,
    )


def _schema(text: str) -> dict[str, JsonValue] | None:
    """Return the schema as an object, None where the API server could not keep it as it is."""
    try:
        schema = _OBJECT.validate_json(text)
    except pydantic.ValidationError:
        return None
    return schema if _storable(schema) else None


def _storable(value: JsonValue) -> bool:
    match value:
        case dict():
            return all(_storable(item) for item in value.values())
        case list():
            return all(_storable(item) for item in value)
        case int():
            return value in _INT64
        case _:
            return True


def waiting_for(head: Head) -> str | None:
    """Return the ids of the open waits in a line for people, None if there are none."""
    ids = [one.id for one in head.waits]
    if not ids:
        return None
    shown = ids[:1]
    for one in ids[1:]:
        if len(", ".join([*shown, one])) > _WAITING_FOR:
            break
        shown.append(one)
    rest = len(ids) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def preview(value: Value) -> str:
    """Return a value for people: its JSON text, cut; its type and size where it is large or not JSON."""
    if value.codec != "json" or value.artifact is not None:
        return f"<{value.type}, {value.size} bytes>"
    return cut(json.dumps(value.data, ensure_ascii=False), _PREVIEW)
