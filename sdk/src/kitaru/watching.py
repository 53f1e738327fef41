"""The events of an execution, from the first or from a cursor on, until it is finished."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, TypedDict

from kitaru import connect
from kitaru.connect import Stack
from kitaru.core import events, keywords, phases
from kitaru.core.events import ExecutionEvent, Merge, Position
from kitaru.errors import StoreUnavailableError

#: Seconds between two looks at an execution that has nothing new.
_PERIOD: Final = 0.5


class EventOptions(TypedDict, total=False):
    """Which events are wanted, and from where on.

    `kinds` and `correlation_ids` are those that are wanted, all without them; `checkpoint` is a checkpoint's name or a
    call's id; `since` the cursor of the last event that was seen. `follow` waits for more until the execution is
    finished (default), or ends with what there is. `reconnect` tries again when the store does not answer (default).
    """

    kinds: Collection[str] | None
    checkpoint: str | None
    correlation_ids: Collection[str] | None
    since: str | None
    follow: bool
    reconnect: bool


def events_of(stack: Stack, exec_id: str, options: EventOptions) -> Iterator[ExecutionEvent]:
    """Return the execution's events, the earliest first; a late reader gets them all.

    Raises `KitaruUsageError` for a wrong option and `LookupError` for an unknown execution, both at once.
    """
    allowed = {
        "kinds": (list, tuple, set, frozenset),
        "checkpoint": (str,),
        "correlation_ids": (list, tuple, set, frozenset),
        "since": (str,),
        "follow": (bool,),
        "reconnect": (bool,),
    }
    keywords.check("events", options, allowed)
    since = options.get("since")
    start = Position() if since is None else events.position(since)
    known = stack.executions.locate(exec_id).exec_id
    return (one for one in _all(stack, known, start, options) if _wanted(one, options))


def _all(stack: Stack, exec_id: str, start: Position, options: EventOptions) -> Iterator[ExecutionEvent]:
    merge, read = Merge(exec_id, start), 0
    while True:
        try:
            located = stack.executions.locate(exec_id)
            slots = connect.read_slots(stack, located, read)
            batches = connect.read_telemetry(stack, located, merge.at.batch)
        except StoreUnavailableError:
            if not options.get("reconnect", True):
                raise
            stack.executions.await_change(exec_id, _PERIOD)
            continue
        yield from merge.take(list(enumerate(slots, read)), batches)
        read += len(slots)
        if not options.get("follow", True) or phases.status_of(located.phase).is_finished:
            # The runner wrote its events before its end: this look, which came after the end, has seen them.
            return
        stack.executions.await_change(exec_id, _PERIOD)


def _wanted(event: ExecutionEvent, options: EventOptions) -> bool:
    kinds, correlations = options.get("kinds"), options.get("correlation_ids")
    checkpoint = options.get("checkpoint")
    return (
        (kinds is None or event.kind in kinds)
        and (correlations is None or event.correlation_id in correlations)
        and (checkpoint is None or checkpoint in {event.checkpoint_name, event.checkpoint_id})
    )
