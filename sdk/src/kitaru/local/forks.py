"""What a child process that user code forks has of this process's executions: nothing.

A fork copies the memory, not the threads: to the child all that runs here would seem to run for
ever, and a thread that forks in a checkpoint would go on there as a second runner of its flow.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import Final

from pydantic import JsonValue

from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer, Expiry, Record
from kitaru.errors import Fenced
from kitaru.ports import Closed, Journal, Opened, Telemetry


def in_child(reset: Callable[[], None]) -> None:
    """Call `reset`, a bound method, in each child that is forked while its object lives."""
    if not isinstance(reset, MethodType):
        message = f"{reset!r} is no bound method: it would live as long as the process."
        raise TypeError(message)
    found = weakref.WeakMethod(reset)

    def call() -> None:
        method = found()
        if method is not None:
            method()

    os.register_at_fork(after_in_child=call)


class OwnJournal:
    """A journal that takes records only from the process that made it."""

    def __init__(self, journal: Journal) -> None:
        self._journal: Final = journal
        self._process: Final = os.getpid()

    def open(self) -> Opened | Closed:
        """Open it, as the port says."""
        return self._journal.open()

    def append(self, records: Sequence[Record]) -> int:
        """Append, as the port says; a forked child is fenced."""
        if os.getpid() != self._process:
            message = "This process was forked from the one that runs the execution."
            raise Fenced(message)
        return self._journal.append(records)

    def decision(self, wait: str) -> Answer | Abort | Expiry | None:
        """Return the decision, as the port says."""
        return self._journal.decision(wait)

    def head(self) -> Head:
        """Return the head, as the port says."""
        return self._journal.head()


class OwnTelemetry:
    """Telemetry that takes lines only from the process that made it: a child has its parent's under their numbers."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry: Final = telemetry
        self._process: Final = os.getpid()

    def emit(self, line: Mapping[str, JsonValue]) -> None:
        """Take a line, as the port says; nothing in a forked child."""
        if os.getpid() == self._process:
            self._telemetry.emit(line)

    def flush(self) -> bool:
        """Write out what was taken, as the port says; nothing in a forked child."""
        return os.getpid() != self._process or self._telemetry.flush()
