"""The log lines that the engine writes about an attempt: what began, what ended, what failed."""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from kitaru.core import plain
from kitaru.core.history import Call
from kitaru.core.journal import Failure
from kitaru.ports import Clock, Telemetry

#: What to change in code that swallows its end.
MENDING: Final = "Replace its bare `except:` or `except BaseException:` by `except Exception:`."


class Lines:
    """Writes lines with a time, a level, an event for programs and a message for people."""

    def __init__(self, telemetry: Telemetry, clock: Clock, exec_id: str) -> None:
        self._telemetry = telemetry
        self._clock = clock
        self._exec_id = exec_id

    def event(self, name: str, message: str) -> None:
        """Report something about the execution."""
        self._emit("info", name, message)

    def call(self, name: str, message: str, call: Call) -> None:
        """Report something about a call."""
        self._emit("info", name, message, call=call.id, checkpoint=call.place.name)

    def failure(self, message: str, failure: Failure, call: Call | None = None) -> None:
        """Report a failure, with its traceback."""
        of = {} if call is None else {"call": call.id, "checkpoint": call.place.name}
        kept = {"type": failure.type, "traceback": failure.traceback}
        self._emit("error", "failed", f"{message}: {failure.type}: {failure.message}", **of, **kept)

    def swallowed(self, who: str, what: str, then: str) -> None:
        """Report user code that caught what it must not catch, and went on."""
        message = f"{who} caught {what}, by which it was told to end, and {then}. {MENDING}"
        self._emit("warning", "swallowed", message)

    def _emit(self, level: str, name: str, message: str, **rest: str) -> None:
        line: dict[str, JsonValue] = {
            "at": self._clock.now().isoformat(),
            "level": level,
            "event": name,
            "message": plain.text(message),
            "execution": self._exec_id,
        }
        self._telemetry.emit({**line, **rest})
