"""Reading a log: through its segments to the first missing one, then slot by slot (rule 8c).

Slots never change, so a log that was read one object at a time is the log as it was at the last
read. Whoever drives these machines may fetch ahead, as long as what lies behind the first missing
segment or slot is thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

from kitaru.core import head as heads
from kitaru.core import paths
from kitaru.core.head import Head
from kitaru.core.journal import Slot
from kitaru.core.protocol import requests
from kitaru.core.protocol.requests import (
    Found,
    Missing,
    Present,
    ProbeSegment,
    ReadSegment,
    ReadSlot,
    Reply,
    Unknown,
)
from kitaru.core.segments import Segment

#: The head of a log in which nothing is written.
EMPTY: Final = Head()
#: New slots that a follower reads one by one before it looks for a segment: news is mostly a slot
#: or two, and a probe each time would double the requests.
STRIDE: Final = 8


@dataclass(frozen=True, slots=True)
class Reading:
    """The whole log, for a writer or a history. It is read up to `head`.

    Next is `segment`, or, once a segment was missing and it is None, the slot at `head.next`.
    """

    head: Head = EMPTY
    segment: int | None = 0

    @property
    def request(self) -> ReadSegment | ReadSlot:
        """What to ask the store next."""
        return ReadSlot(self.head.next) if self.segment is None else ReadSegment(self.segment)

    def told(self, reply: Reply) -> Reading | Head:
        """Return the next state, or the log's head once its end was read."""
        match reply, self.segment:
            case Unknown(), _:
                return self
            case Found(Segment() as found), int(number):
                return Reading(heads.fold(self.head, found.slots), number + 1)
            case Missing(), int():
                return Reading(self.head, None)
            case Found(Slot() as slot), None:
                return Reading(heads.fold(self.head, (slot,)), None)
            case Missing(), None:
                return self.head
            case _:
                requests.broken(self.request, reply)


@dataclass(frozen=True, slots=True)
class Probing:
    """Looking for the last segment of an unbroken row that begins at `first`; `number` is asked."""

    head: Head
    first: int
    number: int
    size: int

    @property
    def request(self) -> ProbeSegment:
        """What to ask the store next."""
        return ProbeSegment(self.number)


@dataclass(frozen=True, slots=True)
class Fetching:
    """The last segment of the row, whose head sums up everything before it."""

    number: int
    size: int

    @property
    def request(self) -> ReadSegment:
        """What to ask the store next."""
        return ReadSegment(self.number)


@dataclass(frozen=True, slots=True)
class Following:
    """Slot by slot from `head`; after `left` of them a segment is looked for (None: no more)."""

    head: Head
    left: int | None
    size: int

    @property
    def request(self) -> ReadSlot:
        """What to ask the store next."""
        return ReadSlot(self.head.next)


HeadReading: TypeAlias = Probing | Fetching | Following


def head(known: Head | None = None, *, size: int = paths.SEGMENT) -> HeadReading:
    """Begin to read just the head of a log, from a head that is `known` already or from nothing.

    With a known head and nothing new this is one request. `size` is the number of slots a segment.
    """
    if known is None:
        return Probing(EMPTY, 0, 0, size)
    return Following(known, STRIDE, size)


def told(state: HeadReading, reply: Reply) -> HeadReading | Head:
    """Return the next state, or the log's head once its end was read."""
    if isinstance(reply, Unknown):
        return state
    match state:
        case Probing():
            return _probed(state, reply)
        case Fetching():
            if isinstance(reply, Found) and isinstance(reply.content, Segment):
                return Following(reply.content.head, None, state.size)
            requests.broken(state.request, reply)
        case Following():
            return _followed(state, reply)
        case _:
            assert_never(state)


def _probed(state: Probing, reply: Reply) -> HeadReading:
    match reply:
        case Present():
            return Probing(state.head, state.first, state.number + 1, state.size)
        case Missing() if state.number == state.first:
            return Following(state.head, None, state.size)
        case Missing():
            return Fetching(state.number - 1, state.size)
        case _:
            requests.broken(state.request, reply)


def _followed(state: Following, reply: Reply) -> HeadReading | Head:
    match reply:
        case Missing():
            return state.head
        case Found(Slot() as slot):
            head = heads.fold(state.head, (slot,))
            if state.left is None:
                return Following(head, None, state.size)
            if state.left > 1:
                return Following(head, state.left - 1, state.size)
            number = head.next // state.size
            return Probing(head, number, number, state.size)
        case _:
            requests.broken(state.request, reply)
