"""Ending an execution without a pod: cancelled, or failed by the operator (rules 18, 18b and 25).

Whoever ends it claims a number of its own, as a writer does, and appends one record under it at the
end of the log. From then on the attempt that may still run is fenced off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias, assert_never

from kitaru.core import head as heads
from kitaru.core.head import Head, State
from kitaru.core.journal import Cancelled, Claim, Failed, Slot
from kitaru.core.protocol import requests
from kitaru.core.protocol.requests import ClaimEpoch, Created, Found, PutSlot, Reply, Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is to be appended, and under which number.

    `writer` is an id of this very try. `insist` says what to do when the number is taken: where
    `status.attempt` was raised to it first (rule 18) nobody can have it but another try of the
    same, so this one gives up; where there is no counter any more (rule 18b) the next number is
    tried, because a pod that claimed and died before its fence holds a number for ever.
    """

    number: int
    writer: str
    record: Cancelled | Failed
    insist: bool = False


class Why(StrEnum):
    """Why nothing was appended. The next pass looks again."""

    TAKEN = "another writer claimed the number"
    FENCED = "a newer attempt holds the journal"
    OVER = "the execution ended by itself"


@dataclass(frozen=True, slots=True)
class Claiming:
    """Asks for the number."""

    ending: Ending
    head: Head


@dataclass(frozen=True, slots=True)
class Appending:
    """Puts the record at `head.next`."""

    ending: Ending
    head: Head


@dataclass(frozen=True, slots=True)
class Ended:
    """The record is in the log, which ends with `head`."""

    number: int
    head: Head


@dataclass(frozen=True, slots=True)
class GaveUp:
    """Nothing was appended by this try."""

    why: Why
    head: Head


Ender: TypeAlias = Claiming | Appending | Ended | GaveUp


def begin(ending: Ending, head: Head) -> Claiming:
    """Begin to end the log whose end was seen as `head`; it may have gone on since."""
    return Claiming(ending, head)


def request(ender: Claiming | Appending) -> ClaimEpoch | PutSlot:
    """Return what to ask the store next."""
    match ender:
        case Claiming(ending):
            return ClaimEpoch(ending.number, Claim(writer=ending.writer))
        case Appending(ending, head):
            return PutSlot(head.next, _slot(ending))
        case _:
            assert_never(ender)


def told(ender: Claiming | Appending, reply: Reply) -> Ender:
    """Return the next state. An unknown outcome changes nothing: the same request again (rule 1)."""
    if isinstance(reply, Unknown):
        return ender
    match ender:
        case Claiming():
            return _claimed(ender, reply)
        case Appending():
            return _appended(ender, reply)
        case _:
            assert_never(ender)


def _slot(ending: Ending) -> Slot:
    """A try writes one slot, so its writer id makes the slot's id unique."""
    return Slot(epoch=ending.number, writer=ending.writer, id=ending.writer, records=(ending.record,))


def _claimed(ender: Claiming, reply: Reply) -> Claiming | Appending | GaveUp:
    ending = ender.ending
    match reply:
        case Created():
            return Appending(ending, ender.head)
        case Found(Claim(writer=owner)) if owner == ending.writer:
            return Appending(ending, ender.head)
        case Found(Claim()) if ending.insist:
            return Claiming(replace(ending, number=ending.number + 1), ender.head)
        case Found(Claim()):
            return GaveUp(Why.TAKEN, ender.head)
        case _:
            requests.broken(request(ender), reply)


def _appended(ender: Appending, reply: Reply) -> Appending | Ended | GaveUp:
    ending, put = ender.ending, request(ender)
    match reply:
        case Created():
            return Ended(ending.number, heads.fold(ender.head, (_slot(ending),)))
        case Found(Slot(id=held)) if held == ending.writer:
            return Ended(ending.number, heads.fold(ender.head, (_slot(ending),)))
        case Found(Slot() as slot) if slot.epoch != ending.number:
            head = heads.fold(ender.head, (slot,))
            if slot.epoch > ending.number:
                return GaveUp(Why.FENCED, head)
            if head.final or head.state is State.FAILED:
                return GaveUp(Why.OVER, head)
            return Appending(ending, head)
        case _:
            requests.broken(put, reply)
