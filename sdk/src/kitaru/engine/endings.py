"""Why an attempt's journal is closed to its body, and what the body's code is told then."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kitaru.errors import Cancelled, Fenced, KitaruBackendError, Suspended


class Reason(Enum):
    """What closed it."""

    SUSPENDED = "only an answer can move the body on"
    ABORTED = "an open wait was aborted"
    TIMED_OUT = "the flow took longer than its timeout"
    DIVERGED = "the code does not make the calls that the replayed execution recorded"
    STOPPED = "somebody asked the attempt to stop"
    LOST = "the journal cannot be written any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The end of an attempt, seen while its body still runs. `error` is what the journal raised."""

    reason: Reason
    why: str
    error: BaseException | None = None

    def exception(self) -> BaseException:
        """Return what every further Kitaru call of the body raises."""
        if self.reason is Reason.SUSPENDED:
            return Suspended(self.why)
        if isinstance(self.error, Fenced):
            return Fenced(self.why)
        return Cancelled(self.why)


def lost(error: BaseException) -> Ending:
    """Return the ending of an attempt whose journal raised `error`."""
    if isinstance(error, Fenced):
        why = "a newer attempt holds the journal"
    elif isinstance(error, KitaruBackendError):
        why = str(error)
    else:
        why = f"the journal raised {type(error).__name__}"
    return Ending(reason=Reason.LOST, why=why, error=error)
