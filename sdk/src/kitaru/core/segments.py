"""Segments: 256 committed slots once more, in one object, to read a long log fast (rule 8b).

A segment's head sums up the log from slot 0 to the segment's end, not just its own slots: a wait
that was opened long before must not be lost on a reader who takes the last head only.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import pydantic

from kitaru.core import head as heads
from kitaru.core.codec import Codec
from kitaru.core.head import Head
from kitaru.core.journal import FORMAT, Slot
from kitaru.errors import JournalFormatError


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """`slots` as they lie in the log, and the log's head after the last of them."""

    head: Head
    slots: tuple[Slot, ...]
    format: int = FORMAT


def cut(base: Head, slots: Sequence[Slot]) -> Segment:
    """Return the segment of `slots`, all committed; `base` is the log's head before the first."""
    return Segment(head=heads.fold(base, slots), slots=tuple(slots))


def encode(segment: Segment) -> bytes:
    """Return the segment as JSON."""
    return _codec().encode(segment)


def decode(body: bytes) -> Segment:
    """Return the segment that `body` holds.

    Raises `JournalFormatError` when a newer Kitaru wrote any of it.
    """
    try:
        segment = _codec().decode(body)
    except pydantic.ValidationError as error:
        message = (
            f"The journal has a segment that this Kitaru cannot read (formats up to {FORMAT}): "
            "use a version at least as new as the one that wrote it, or delete the object, "
            "which only repeats what the slots say."
        )
        raise JournalFormatError(message) from error
    newest = max([segment.format, *(slot.format for slot in segment.slots)])
    if newest > FORMAT:
        message = (
            f"The journal has a segment of format {newest}, and this Kitaru reads formats up to "
            f"{FORMAT}: use a version at least as new as the one that wrote it."
        )
        raise JournalFormatError(message)
    return segment


@functools.cache
def _codec() -> Codec[Segment]:
    """Built at the first use: short logs, which is most of them, never need it."""
    return Codec[Segment](Segment)
