"""Resuming: what to do when somebody asks for what mostly happens by itself."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from kitaru.core import phases
from kitaru.core.phases import Phase, Status
from kitaru.errors import FailureOrigin, KitaruStateError


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An execution as a stack sees it: `waits` are its open ones by id, `decided` those that have an answer or expiry.

    `origin` is that of its failure, when it failed.
    """

    phase: Phase
    waits: Collection[str] = ()
    decided: Collection[str] = ()
    origin: FailureOrigin | None = None


def is_needed(seen: Seen, who: str) -> bool:
    """Return whether somebody must go on with the execution; False when it goes on, or is completed, by itself.

    An execution is resumed when a wait of it was answered, or when its process died. Raises `KitaruStateError`, whose
    message begins with `who`, for one that was cancelled, that failed by its own doing, or that waits for an answer.
    """
    status = phases.status_of(seen.phase)
    match status:
        case Status.RUNNING | Status.COMPLETED:
            return False
        case Status.WAITING if seen.decided:
            return True
        case Status.FAILED if seen.origin is FailureOrigin.RUNTIME:
            return True
        case Status.WAITING:
            opened = ", ".join(sorted(seen.waits)) or "none"
            message = f"{who} waits for an answer (open: {opened}): give it first."
        case Status.FAILED:
            message = f"{who} failed, and would fail again: retry it once the cause is mended."
        case Status.CANCELLED:
            message = f"{who} is cancelled: nothing goes on with it."
    raise KitaruStateError(message)
