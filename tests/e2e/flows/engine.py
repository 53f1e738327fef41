"""What the runner alone can do, in one flow: delayed tries, time limits, processes of their own, events, the cache."""

import os
import time

import kitaru
from tests.e2e.flows import effects


@kitaru.checkpoint(retries=kitaru.Retry(limit=2, delay=0.2, jitter=0.0), cache=False)
def flaky() -> int:
    """Fail at the first try."""
    effects.happen("try")
    number = kitaru.current_call().number
    if number == 1:
        message = "the first try"
        raise ConnectionError(message)
    return number


@kitaru.checkpoint(runtime="isolated", cache=False)
def elsewhere() -> int:
    """Return the process that this runs in."""
    kitaru.progress("halfway", percent=0.5)
    kitaru.save("note", {"from": "elsewhere"}, type="context")
    return os.getpid()


@kitaru.checkpoint(runtime="isolated", timeout=1.5, cache=False)
def endless() -> None:
    """Never come to an end."""
    while True:
        time.sleep(0.05)


@kitaru.checkpoint
def dear(topic: str) -> str:
    """Cost something, each time."""
    effects.happen("dear")
    return topic.upper()


@kitaru.flow
def everything(topic: str) -> dict[str, object]:
    """Use all of it."""
    try:
        endless()
        limit = "none"
    except TimeoutError as error:
        limit = type(error).__name__
    return {"tries": flaky(), "elsewhere": elsewhere() != os.getpid(), "limit": limit, "dear": dear(topic)}
