"""The Telemetry port on any object store: log lines in batches, `telemetry/<attempt>-<n>`."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from pydantic import JsonValue

from kitaru.backends.clock import SystemClock
from kitaru.core.events import Batch
from kitaru.core.paths import ExecutionPaths
from kitaru.errors import KitaruBackendError
from kitaru.ports import ObjectStore

#: Seconds for which lines are gathered before they are written; a crash loses at most these.
PERIOD: Final = 2.0
#: Lines that wait for a store that is away.
MOST: Final = 100_000
_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
#: Lines are gathered in real time, also where a test turns the clock of its flows.
_CLOCK: Final = SystemClock()


class ObjectTelemetry:
    """The log lines of one attempt. Its methods may be called from several threads.

    A batch that the store does not take is tried again with the next; beyond `MOST` lines the oldest that are not
    written are dropped, since no work waits for a log line.
    """

    def __init__(self, store: ObjectStore, paths: ExecutionPaths, attempt: int, period: float = PERIOD) -> None:
        self._store = store
        self._paths = paths
        self._attempt = attempt
        self._period = period
        self._lines: deque[str] = deque(maxlen=MOST)
        #: A batch whose writing failed. It may be there all the same, so it is never written otherwise.
        self._begun: bytes | None = None
        self._number = 0
        #: Takes back the wish to have what is gathered written, None while nothing is.
        self._unset: Callable[[], None] | None = None
        self._guard = threading.Lock()
        self._writing = threading.Lock()

    def emit(self, line: Mapping[str, JsonValue]) -> None:
        """Take one line; returns at once."""
        text = _JSON.encode(line)
        with self._guard:
            self._lines.append(text)
            if self._unset is None:
                self._unset = _CLOCK.alarm(self._period, self._write_now)

    def flush(self) -> bool:
        """Write out what was taken; return whether all of it was. Emitting may go on."""
        return self._write()

    def _write_now(self) -> None:
        # No thread for an attempt that ends before its lines are due; a daemon, since flush() is the end's.
        with suppress(RuntimeError):  # an interpreter that exits starts no thread any more
            threading.Thread(target=self._write, name="kitaru-telemetry", daemon=True).start()

    def _write(self) -> bool:
        with self._guard:
            unset, self._unset = self._unset, None
        if unset is not None:
            unset()
        with self._writing:
            # Twice: a batch that failed before, and what came since.
            return self._write_next() and self._write_next()

    def _write_next(self) -> bool:
        """Write a batch; return whether the store took it, or there was none."""
        with self._guard:
            if self._begun is None and self._lines:
                self._begun = "".join(f"{line}\n" for line in self._lines).encode()
                self._lines.clear()
        if self._begun is None:
            return True
        try:
            self._store.put(self._paths.telemetry(self._attempt, self._number), self._begun)
        except KitaruBackendError:
            return False
        self._begun = None
        self._number += 1
        return True


def read(store: ObjectStore, paths: ExecutionPaths, start: Batch) -> list[tuple[Batch, bytes]]:
    """Return the batches from `start` on, in their order. Raises what the store raises."""
    found: list[tuple[Batch, bytes]] = []
    for info in store.list(paths.telemetries):
        attempt, _, number = info.key.removeprefix(paths.telemetries).partition("-")
        batch = Batch(int(attempt), int(number))
        body = store.get(info.key) if batch >= start else None
        if body is not None:
            found.append((batch, body))
    return found
