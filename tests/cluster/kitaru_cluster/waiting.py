"""Bounded waits that say what they waited for."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from kitaru_cluster.errors import ClusterError

T = TypeVar("T")

_TAIL_LINES = 25


def tail(log: Path | None) -> str:
    """Return the last lines of a log, introduced by its path; nothing when there is none."""
    if log is None or not log.exists():
        return ""
    lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    return "\n".join([f"\nThe end of {log}:", *lines])


def until(
    condition: Callable[[], T | None],
    what: str,
    *,
    seconds: float,
    log: Path | None = None,
    interval: float = 0.05,
) -> T:
    """Return the first value of `condition` that is neither None nor False.

    A condition that raises OSError counts as not yet true: a server that does not listen yet
    refuses the connection. Raises ClusterError, naming `what` and quoting the end of `log`, when
    `seconds` have passed.
    """
    deadline = time.monotonic() + seconds
    last: OSError | None = None
    while True:
        try:
            value = condition()
        except OSError as error:
            value, last = None, error
        if value is not None and value is not False:
            return value
        if time.monotonic() > deadline:
            reason = f" ({last})" if last else ""
            message = f"waited {seconds:g} s in vain for {what}{reason}{tail(log)}"
            raise ClusterError(message)
        time.sleep(interval)
