"""What a checkpoint tells while it runs, seen live and seen later: python examples/events/live_events.py.

Prints

    live: half of it
    index started
    index page.read {'page': 1}
    index progress: half of it
    index page.read {'page': 2}
    index returned
    seen later: 5 events, 2 of them page.read
"""

import kitaru
from kitaru.events import (
    CHECKPOINT_PROGRESS_KIND,
    CHECKPOINT_RETURNED_KIND,
    CHECKPOINT_STARTED_KIND,
)


@kitaru.checkpoint(cache=False)
def index(pages: int) -> int:
    """Read pages, and say so."""
    for page in range(1, pages + 1):
        kitaru.events.publish("page.read", {"page": page})
        if 2 * page == pages:
            kitaru.progress("half of it", percent=0.5, flush=True)
    return pages


@kitaru.flow
def indexing() -> int:
    """Index two pages."""
    return index(2)


def told(event: kitaru.ExecutionEvent) -> str:
    """Return an event as a line."""
    match event.kind:
        case kind if kind == CHECKPOINT_STARTED_KIND:
            what = "started"
        case kind if kind == CHECKPOINT_RETURNED_KIND:
            what = "returned"
        case kind if kind == CHECKPOINT_PROGRESS_KIND:
            what = f"progress: {event.payload['message']}"
        case kind:
            what = f"{kind} {event.payload['data']}"
    return f"{event.checkpoint_name} {what}"


def main() -> None:
    """Follow an execution until it is finished; then look again."""
    handle = indexing.run()
    executions = kitaru.KitaruClient().executions
    for event in executions.events(handle.exec_id, kinds=[CHECKPOINT_PROGRESS_KIND]):
        print(f"live: {event.payload['message']}")
    handle.wait()

    for event in executions.events(handle.exec_id):
        print(told(event))

    events = list(executions.events(handle.exec_id))
    read = list(executions.events(handle.exec_id, kinds=["page.read"]))
    print(f"seen later: {len(events)} events, {len(read)} of them page.read")


if __name__ == "__main__":
    main()
