"""The life of an execution, as a table. The diagram in the docs is drawn from it.

Rule 1: everything that affects a transition stands in this file. Rule 2: this file does not know who runs what.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from kitaru.errors import KitaruStateError


class Phase(StrEnum):
    """What a `KitaruExecution` shows in `status.phase`."""

    PENDING = "Pending"
    RUNNING = "Running"
    WAITING = "Waiting"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


class Event(StrEnum):
    """What can happen to an execution."""

    FENCED = "an attempt's fence is in the log"
    PARKED = "only an answer can move it on"
    ANSWERED = "an open wait has an answer and no runner stays"
    WENT_ON = "an open wait has an answer and its runner stays"
    RETURNED = "the flow returned"
    RAISED = "the flow raised and has no retry of its own left"
    LOST = "the attempt's pod is gone"
    REFUSED = "it cannot start"
    RETRIED = "a retry was granted"
    CANCELLED = "cancel was asked, or an open wait was aborted"


class Status(StrEnum):
    """What the Python API calls an execution's state: `Phase` with Pending shown as running."""

    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_finished(self) -> bool:
        """Whether it is completed, failed or cancelled."""
        return self in {Status.COMPLETED, Status.FAILED, Status.CANCELLED}

    @property
    def is_successful(self) -> bool:
        """Whether it is completed."""
        return self is Status.COMPLETED


def _row(**targets: Phase) -> Mapping[Event, Phase]:
    return MappingProxyType({Event[event]: phase for event, phase in targets.items()})


TRANSITIONS: Final[Mapping[Phase, Mapping[Event, Phase]]] = MappingProxyType(
    {
        Phase.PENDING: _row(
            FENCED=Phase.RUNNING,
            LOST=Phase.PENDING,
            REFUSED=Phase.FAILED,
            CANCELLED=Phase.CANCELLED,
        ),
        Phase.RUNNING: _row(
            RETURNED=Phase.COMPLETED,
            RAISED=Phase.FAILED,
            PARKED=Phase.WAITING,
            LOST=Phase.PENDING,
            REFUSED=Phase.FAILED,
            CANCELLED=Phase.CANCELLED,
        ),
        Phase.WAITING: _row(
            ANSWERED=Phase.PENDING,
            WENT_ON=Phase.RUNNING,
            CANCELLED=Phase.CANCELLED,
        ),
        Phase.FAILED: _row(RETRIED=Phase.PENDING, CANCELLED=Phase.FAILED),
        Phase.COMPLETED: _row(),
        Phase.CANCELLED: _row(),
    }
)

_STATUS: Final[Mapping[Phase, Status]] = MappingProxyType(
    {
        Phase.PENDING: Status.RUNNING,
        Phase.RUNNING: Status.RUNNING,
        Phase.WAITING: Status.WAITING,
        Phase.COMPLETED: Status.COMPLETED,
        Phase.FAILED: Status.FAILED,
        Phase.CANCELLED: Status.CANCELLED,
    }
)


class IllegalTransitionError(KitaruStateError):
    """The event cannot happen in this phase; nothing was changed."""

    code = "illegal_transition"

    def __init__(self, phase: Phase, event: Event, who: str) -> None:
        legal = dict.fromkeys(str(status_of(one)) for one in Phase if event in TRANSITIONS[one])
        super().__init__(
            f"{who} is {status_of(phase)}: only one that is {' or '.join(legal)} can be {event.name.lower()}."
        )
        self.phase = phase
        self.event = event


def advance(phase: Phase, event: Event, who: str = "The execution") -> Phase:
    """Return the phase after `event`, or raise `IllegalTransitionError`, whose message begins with `who`."""
    try:
        return TRANSITIONS[phase][event]
    except KeyError:
        raise IllegalTransitionError(phase, event, who) from None


def is_final(phase: Phase) -> bool:
    """Whether nothing can happen any more."""
    return not TRANSITIONS[phase]


def status_of(phase: Phase) -> Status:
    """Return the public status of a phase."""
    return _STATUS[phase]
