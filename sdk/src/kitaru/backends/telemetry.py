"""The Telemetry port on any object store: log lines in batches, `telemetry/<attempt>-<n>`."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from kitaru.core.paths import ExecutionPaths
from kitaru.errors import KitaruBackendError
from kitaru.ports import ObjectStore

#: Seconds for which lines are gathered before they are written; a crash loses at most these.
PERIOD: Final = 2.0


class ObjectTelemetry:
    """The log lines of one attempt. Its methods may be called from several threads.

    A batch that the store does not take is dropped: no work waits for a log line.
    """

    def __init__(self, store: ObjectStore, paths: ExecutionPaths, attempt: int, period: float = PERIOD) -> None:
        self._store = store
        self._paths = paths
        self._attempt = attempt
        self._period = period
        self._lines: list[str] = []
        self._number = 0
        self._gathering = False
        self._flushed = threading.Event()
        self._guard = threading.Lock()

    def emit(self, line: Mapping[str, JsonValue]) -> None:
        """Take one line; returns at once."""
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
        with self._guard:
            self._lines.append(text)
            start = not self._gathering
            self._gathering = True
        if start:
            # No thread for an attempt that logs nothing; a daemon, since flush() is the end's.
            threading.Thread(target=self._write_later, name="kitaru-telemetry", daemon=True).start()

    def flush(self) -> None:
        """Write out what was taken. Emitting may go on."""
        self._flushed.set()
        self._write()

    def _write_later(self) -> None:
        self._flushed.wait(self._period)
        self._write()

    def _write(self) -> None:
        with self._guard:
            lines, self._lines = self._lines, []
            number = self._number
            self._number += bool(lines)
            self._gathering = False
            self._flushed.clear()
        if not lines:
            return
        body = "".join(f"{line}\n" for line in lines).encode()
        try:
            self._store.put(self._paths.telemetry(self._attempt, number), body)
        except KitaruBackendError:
            # Telemetry may be lost; an attempt must not fail, or wait, for it.
            return
