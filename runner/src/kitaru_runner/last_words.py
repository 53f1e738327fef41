"""What the process says at its end: an exit code, and a few words for the kubelet. The journal alone counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, assert_never

from pydantic import JsonValue

from kitaru.engine.world import Closed, Completed, Failed, Interrupted, Outcome, Parked

#: Beyond this many bytes the kubelet keeps the end, and JSON without its beginning is nothing.
LIMIT: Final = 4096
#: The journal says how it ended.
ENDED: Final = 0
#: Something went wrong that is not the flow's fault.
BROKEN: Final = 70
#: Another process holds the journal, or it was over.
NOT_OURS: Final = 75
#: As a shell reports a process that SIGTERM ended.
INTERRUPTED: Final = 143
_TEXT: Final = 400


def exit_code(outcome: Outcome) -> int:
    """Return the exit code: 0 only when the journal has this attempt's outcome."""
    match outcome:
        case Completed() | Failed() | Parked():
            return ENDED
        case Interrupted():
            return INTERRUPTED
        case Closed():
            return NOT_OURS
        case _:
            assert_never(outcome)


def summary(outcome: Outcome) -> str:
    """Return the outcome as JSON of less than 4,096 bytes. `slots` is the length of the log."""
    words: dict[str, JsonValue] = {"outcome": type(outcome).__name__, "slots": outcome.head.next}
    match outcome:
        case Completed():
            pass
        case Failed(failure=failure):
            words["error"] = _cut(f"{failure.type}: {failure.message}")
        case Parked(waits=waits):
            words["waits"] = _fitting([one.id for one in waits])
        case Interrupted(why=why) | Closed(why=why):
            words["why"] = _cut(why)
        case _:
            assert_never(outcome)
    return json.dumps(words)


def trouble(error: BaseException) -> str:
    """Return what ended the process before there was an outcome."""
    return json.dumps({"outcome": "Broken", "why": _cut(f"{type(error).__name__}: {error}")})


def write(path: Path, words: str) -> None:
    """Write to the file that the kubelet made; where there is none, nobody would read it."""
    if path.exists():
        path.write_text(words, encoding="utf-8")


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT else f"{text[: _TEXT - 1]}…"


def _fitting(ids: Sequence[str]) -> list[JsonValue]:
    """Return as many ids as surely fit."""
    fitting: list[JsonValue] = []
    room = LIMIT // 2
    for one in ids:
        room -= len(one) + len('"", ')
        if room < 0:
            break
        fitting.append(one)
    return fitting
