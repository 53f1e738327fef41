"""`kitaru.events` and `kitaru.progress`: what a checkpoint tells the world while it runs.

Published events are kept with the execution, so that who looks late sees them all:
`KitaruClient().executions.events(exec_id)`. They are telemetry: a process that is killed loses those of its last two
seconds, and one that was lost runs its call again and publishes again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypedDict, Unpack

import pydantic
from pydantic import JsonValue, TypeAdapter
from pydantic_core import PydanticSerializationError, to_jsonable_python

from kitaru.core import events, keywords, plain
from kitaru.core.deferred import DEFERRED
from kitaru.core.events import (
    CHECKPOINT_FAILED_KIND,
    CHECKPOINT_PROGRESS_KIND,
    CHECKPOINT_RETURNED_KIND,
    CHECKPOINT_STARTED_KIND,
    ExecutionEvent,
)
from kitaru.core.tagged import UserValue
from kitaru.engine import publishing
from kitaru.engine.publishing import Published
from kitaru.errors import KitaruUsageError

__all__ = [
    "CHECKPOINT_COMPLETED_KIND",
    "CHECKPOINT_FAILED_KIND",
    "CHECKPOINT_PROGRESS_KIND",
    "CHECKPOINT_RETURNED_KIND",
    "CHECKPOINT_STARTED_KIND",
    "EventOptions",
    "ExecutionEvent",
    "flush",
    "progress",
    "publish",
]

#: Another name that programs know it by.
CHECKPOINT_COMPLETED_KIND = CHECKPOINT_RETURNED_KIND

_JSON: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue], config=DEFERRED)


class EventOptions(TypedDict, total=False):
    """What an event can be given: a text for people, an id that ties events together, a number of its own.

    `flush` writes the event at once instead of with the next batch, two seconds later at most.
    """

    message: str | None
    correlation_id: str | None
    index: int | None
    flush: bool


def publish(kind: str, payload: Mapping[str, UserValue] | None = None, **options: Unpack[EventOptions]) -> None:
    """Publish an event of this kind, with JSON data; in a checkpoint only.

    Raises `KitaruUsageError` for a kind that is empty or reserved and for data that is not JSON, and
    `KitaruContextError` outside of checkpoints. A store that is away raises nothing.
    """
    what = "kitaru.events.publish()"
    allowed = {"message": (str,), "correlation_id": (str,), "index": (int,), "flush": (bool,)}
    keywords.check_type(what, "kind", kind, (str,))
    keywords.check_type(what, "payload", payload, (Mapping,))
    keywords.check(what, options, allowed)
    published = Published(
        kind=events.check_kind(what, kind),
        text=options.get("message"),
        data=None if payload is None else _json(what, payload),
        correlation_id=options.get("correlation_id"),
        index=options.get("index"),
    )
    publishing.publish(what, published)
    if options.get("flush"):
        flush()


def progress(
    message: str,
    *,
    percent: float | None = None,
    correlation_id: str | None = None,
    flush: bool = False,
    **fields: UserValue,
) -> None:
    """Say how far the running checkpoint has come: `percent` from 0 to 1, and any fields of JSON.

    Raises as `publish`.
    """
    what = "kitaru.progress()"
    keywords.check(
        what,
        {"message": message, "correlation_id": correlation_id, "percent": percent},
        {"message": (str,), "correlation_id": (str,), "percent": (int, float)},
    )
    if percent is not None and not (math.isfinite(percent) and 0 <= percent <= 1):
        text = f"{what}: percent={percent} must be a number from 0 to 1."
        raise KitaruUsageError(text)
    given = fields if percent is None else {"percent": percent, **fields}
    data = _json(what, given) if given else None
    published = Published(kind=CHECKPOINT_PROGRESS_KIND, text=message, data=data, correlation_id=correlation_id)
    publishing.publish(what, published)
    if flush:
        _flush()


def flush(timeout: float = 2.0) -> bool:
    """Write out what was published so far; return whether all of it was written within `timeout` seconds.

    May be called anywhere; outside of a flow there is nothing to write.
    """
    return publishing.flush(timeout)


_flush = flush


def _json(what: str, given: Mapping[str, UserValue]) -> dict[str, JsonValue]:
    try:
        made = _JSON.validate_python(to_jsonable_python(dict(given)))
    except (pydantic.ValidationError, PydanticSerializationError, ValueError) as error:
        message = f"{what}: the payload must be JSON: {error}"
        raise KitaruUsageError(message) from error
    problem = plain.problem(made)
    if problem is not None:
        message = f"{what}: the payload must be JSON: {problem}."
        raise KitaruUsageError(message)
    return made
