"""What the machines ask of the store, and what the store can say.

There are only reads and puts-if-absent. Rule 1 is in the types: a put has three outcomes, and the refused one comes
with what lies there, because no machine may judge a refusal without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Never, TypeAlias

from kitaru.core.journal import Abort, Answer, Claim, Expiry, Slot
from kitaru.core.segments import Segment
from kitaru.errors import JournalBrokenError


@dataclass(frozen=True, slots=True)
class ClaimEpoch:
    """Put `epoch/<number>` if absent."""

    number: int
    claim: Claim


@dataclass(frozen=True, slots=True)
class ReadSegment:
    """Get `segment/<number>`."""

    number: int


@dataclass(frozen=True, slots=True)
class ProbeSegment:
    """Ask whether there is a `segment/<number>`, without its content."""

    number: int


@dataclass(frozen=True, slots=True)
class ReadSlot:
    """Get `log/<number>`."""

    number: int


@dataclass(frozen=True, slots=True)
class ProbeSlot:
    """Ask whether there is a `log/<number>`, without its content."""

    number: int


@dataclass(frozen=True, slots=True)
class PutSlot:
    """Put `log/<number>` if absent."""

    number: int
    slot: Slot


@dataclass(frozen=True, slots=True)
class PutSegment:
    """Put `segment/<number>` if absent."""

    number: int
    segment: Segment


@dataclass(frozen=True, slots=True)
class ReadDecision:
    """Get `answers/<wait>`."""

    wait: str


@dataclass(frozen=True, slots=True)
class PutDecision:
    """Put `answers/<wait>` if absent."""

    wait: str
    decision: Answer | Abort | Expiry


Request: TypeAlias = (
    ClaimEpoch | ReadSegment | ProbeSegment | ReadSlot | ProbeSlot | PutSlot | PutSegment | ReadDecision | PutDecision
)


@dataclass(frozen=True, slots=True)
class Created:
    """The put took effect: what lies there is ours."""


@dataclass(frozen=True, slots=True)
class Found:
    """A read found this; or a put was refused, and this lies there instead (it may be ours all the same)."""

    content: Claim | Segment | Slot | Answer | Abort | Expiry


@dataclass(frozen=True, slots=True)
class Present:
    """The store said that there is such an object; the answer to a probe."""


@dataclass(frozen=True, slots=True)
class Missing:
    """The store said that there is no such object, and meant it (rule 2)."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer, or one after which it is unknown whether the request took effect: the same request again."""


Reply: TypeAlias = Created | Found | Present | Missing | Unknown


def broken(request: Request, reply: Reply) -> Never:
    """Raise `JournalBrokenError` for a reply that no correct store and no correct writer could have caused."""
    what = type(reply.content if isinstance(reply, Found) else reply).__name__.lower()
    message = (
        f"The journal is damaged: {type(request).__name__} was answered with {what}. Nothing more is written to it; "
        "check that nothing but Kitaru writes to the bucket and that the store honours If-None-Match."
    )
    raise JournalBrokenError(message)
