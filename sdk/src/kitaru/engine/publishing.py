"""Events that a checkpoint's function publishes while it runs: lines of the attempt's telemetry."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from kitaru.core import events, plain
from kitaru.core.events import Line
from kitaru.engine import context
from kitaru.engine.context import Frame, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """An event as user code gives it. `data` is JSON."""

    kind: str
    text: str | None = None
    data: Mapping[str, JsonValue] | None = None
    correlation_id: str | None = None
    index: int | None = None


def publish(what: str, published: Published) -> None:
    """Take the event; it is written with the next batch. `what` is how the user's call is named in an error.

    Raises `KitaruContextError` outside of checkpoints. What cannot be written to the store is lost in the end, and
    no work waits for it.
    """
    frame = context.frame(f"{what} can only be called inside a @checkpoint.")
    attempt = frame.run.attempt
    attempt.check()
    own = next(frame.published)
    line = Line(
        at=attempt.now(),
        kind=published.kind,
        call=frame.call.id,
        checkpoint=frame.call.place.name,
        text=None if published.text is None else plain.text(published.text),
        data=published.data,
        correlation_id=published.correlation_id,
        index=own if published.index is None else published.index,
    )
    attempt.published = True
    attempt.world.telemetry.emit(events.written(line))


def flush(timeout: float) -> bool:
    """Write what was published; return whether all of it was, within so many seconds. Outside of flows: True."""
    found = context.current()
    if not isinstance(found, Frame | Scope):
        return True
    telemetry, done = found.run.attempt.world.telemetry, threading.Event()

    def write() -> None:
        if telemetry.flush():
            done.set()

    writer = threading.Thread(target=write, name="kitaru-flush", daemon=True)
    writer.start()
    writer.join(timeout)
    return done.is_set()
