"""What a stack says of an execution."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kitaru.core.head import Head
from kitaru.core.paths import ExecutionPaths
from kitaru.core.phases import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """An execution as its stack knows it.

    `exec_id` is its full id, `stack` the stack's name, `version` that of the deployed flow (None
    locally), `original` the id of the execution that it replays,
    `reason` a sentence for an end or a trouble that no record of the journal tells.
    `head` is that of the log where the stack reads it to know the phase.
    """

    exec_id: str
    flow: str
    stack: str
    phase: Phase
    paths: ExecutionPaths
    created_at: datetime
    version: int | None = None
    original: str | None = None
    reason: str | None = None
    head: Head | None = None
