"""The journal's records as bytes, and back: slots, claims and decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pydantic

from kitaru.core.codec import Codec
from kitaru.core.journal import FORMAT, Abort, Answer, Claim, Decision, Expiry, Slot
from kitaru.errors import JournalFormatError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stamp:
    """What every format has, whatever else."""

    format: int


_SLOT: Final = Codec[Slot](Slot)
_STAMP: Final = Codec[_Stamp](_Stamp)
_CLAIM: Final = Codec[Claim](Claim)
_DECISION: Final = Codec[Answer | Abort | Expiry](Decision)


_UNREADABLE: Final = (
    "The journal has {} that this Kitaru cannot read: use a version at least as new as the one that wrote it, "
    "or restore the object from a backup of the bucket."
)


def encode_slot(slot: Slot) -> bytes:
    """Return the slot as JSON, every field written out: what a default is may change, what was written may not."""
    return _SLOT.encode(slot)


def decode_slot(body: bytes) -> Slot:
    """Return the slot that `body` holds. Raises `JournalFormatError` when a newer Kitaru wrote it."""
    try:
        slot = _SLOT.decode(body)
    except pydantic.ValidationError as error:
        raise _unreadable(body) from error
    if slot.format > FORMAT:
        raise _unreadable(body)
    return slot


def _unreadable(body: bytes) -> JournalFormatError:
    try:
        version = _STAMP.decode(body).format
    except pydantic.ValidationError:
        version = FORMAT
    if version > FORMAT:
        message = (
            f"The journal has a slot of format {version}, and this Kitaru reads formats up to {FORMAT}: "
            "use a version at least as new as the one that wrote it."
        )
    else:
        message = "The journal has a slot that is damaged: restore the object from a backup of the bucket."
    return JournalFormatError(message)


def encode_claim(claim: Claim) -> bytes:
    """Return the claim as JSON."""
    return _CLAIM.encode(claim)


def decode_claim(body: bytes) -> Claim:
    """Return the claim that `body` holds. Raises `JournalFormatError` when it cannot be read."""
    try:
        return _CLAIM.decode(body)
    except pydantic.ValidationError as error:
        raise JournalFormatError(_UNREADABLE.format("a claim of an epoch")) from error


def encode_decision(decision: Answer | Abort | Expiry) -> bytes:
    """Return what `answers/<wait>` holds, as JSON."""
    return _DECISION.encode(decision)


def decode_decision(body: bytes) -> Answer | Abort | Expiry:
    """Return what `answers/<wait>` holds. Raises `JournalFormatError` when it cannot be read."""
    try:
        return _DECISION.decode(body)
    except pydantic.ValidationError as error:
        raise JournalFormatError(_UNREADABLE.format("an answer to a wait")) from error
