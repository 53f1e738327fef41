"""Reading a log: through its segments to the first missing one, then slot by slot (rule 8c).

Slots never change, so a log that was read one object at a time is the log as it was at the last
read. Whoever drives these machines may fetch ahead, as long as what lies behind the first missing
segment or slot is thrown away.

Who follows a log that is being written may be slower than its writer, and would never come to the
first missing slot. So after some slots a follower looks for a slot that is missing now, further and
further ahead, and reads up to there: all that was there when it began, and it comes to an end.
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
    ProbeSlot,
    ReadSegment,
    ReadSlot,
    Reply,
    Unknown,
)
from kitaru.core.segments import Segment

#: The head of a log in which nothing is written.
EMPTY: Final = Head()
#: New slots that a follower reads one by one before it looks for a segment, and then for the end: news is
#: mostly a slot or two, and a probe each time would double the requests.
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
    """Slot by slot from `head`, up to the slot `until`, which was seen missing.

    While none was, `left` more slots are read before a segment is looked for, or, where that was done (`jumped`),
    a missing slot.
    """

    head: Head
    size: int
    left: int = STRIDE
    jumped: bool = True
    until: int | None = None

    @property
    def request(self) -> ReadSlot:
        """What to ask the store next."""
        return ReadSlot(self.head.next)


@dataclass(frozen=True, slots=True)
class Bounding:
    """Looking for a missing slot, to read from `head` up to it: `number` is asked, then `step` further on."""

    head: Head
    size: int
    number: int
    step: int

    @property
    def request(self) -> ProbeSlot:
        """What to ask the store next."""
        return ProbeSlot(self.number)


HeadReading: TypeAlias = Probing | Fetching | Following | Bounding


def head(known: Head | None = None, *, size: int = paths.SEGMENT) -> HeadReading:
    """Begin to read just the head of a log, from a head that is `known` already or from nothing.

    With a known head and nothing new this is one request. `size` is the number of slots a segment.
    """
    if known is None:
        return Probing(EMPTY, 0, 0, size)
    return Following(known, size, jumped=False)


def tail(head: Head, *, size: int = paths.SEGMENT) -> Following:
    """Begin to read the slots after the segments whose head this is."""
    return Following(head, size)


def told(state: HeadReading, reply: Reply) -> HeadReading | Head:
    """Return the next state, or the log's head once its end was read."""
    if isinstance(reply, Unknown):
        return state
    match state:
        case Probing():
            return _probed(state, reply)
        case Fetching():
            if isinstance(reply, Found) and isinstance(reply.content, Segment):
                return Following(reply.content.head, state.size)
            requests.broken(state.request, reply)
        case Following():
            return _followed(state, reply)
        case Bounding():
            return _bounded(state, reply)
        case _:
            assert_never(state)


def _probed(state: Probing, reply: Reply) -> HeadReading:
    match reply:
        case Present():
            return Probing(state.head, state.first, state.number + 1, state.size)
        case Missing() if state.number == state.first:
            return Following(state.head, state.size)
        case Missing():
            return Fetching(state.number - 1, state.size)
        case _:
            requests.broken(state.request, reply)


def _followed(state: Following, reply: Reply) -> HeadReading | Head:
    match reply:
        case Missing():
            return state.head
        case Found(Slot() as slot):
            return _read(state, heads.fold(state.head, (slot,)))
        case _:
            requests.broken(state.request, reply)


def _read(state: Following, head: Head) -> HeadReading | Head:
    if state.until is not None:
        if head.next >= state.until:
            return head
        return Following(head, state.size, until=state.until)
    if state.left > 1:
        return Following(head, state.size, state.left - 1, state.jumped)
    if state.jumped:
        return Bounding(head, state.size, head.next + STRIDE, 2 * STRIDE)
    number = head.next // state.size
    return Probing(head, number, number, state.size)


def _bounded(state: Bounding, reply: Reply) -> HeadReading:
    match reply:
        case Present():
            return Bounding(state.head, state.size, state.number + state.step, 2 * state.step)
        case Missing():
            return Following(state.head, state.size, until=state.number)
        case _:
            requests.broken(state.request, reply)
