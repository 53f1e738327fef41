"""The writer of a log: claim an epoch, read to the end, fence, append (rules 4 to 9).

    Claiming ── taken by another process ─────────────► Closed(TAKEN)
       │ ours
    Reading ─── a higher epoch, or over ──────────────► Closed(FENCED | OVER)
       │ at the end
    Fencing ─── the slot holds a lower epoch: fold it, next slot
       │ ours   └─ a higher one, or over by now ──────► Closed(FENCED | OVER)
    Ready ◄───────────────┐
       │ append           │ ours
    Appending ────────────┴─ a higher epoch ──────────► Closed(FENCED)

Nothing leads out of Closed: a process that was refused never writes to this log again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, assert_never

from kitaru.core import head as heads
from kitaru.core.head import Head, State
from kitaru.core.journal import Claim, Fence, Record, Slot
from kitaru.core.protocol import requests
from kitaru.core.protocol.reader import EMPTY, Reading
from kitaru.core.protocol.requests import (
    ClaimEpoch,
    Created,
    Found,
    PutSlot,
    ReadSegment,
    ReadSlot,
    Reply,
    Unknown,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who writes, fixed for the life of the process.

    `epoch` is the number that the process was given, never one that it found (rule 5). `writer` is
    an id that this process made for itself at its start (rule 4); `pod`, its pod's uid, is for
    people only, because a container can be started twice. `allowance` is how many failures the log
    may hold so that a failed execution may be tried again (rule 6). `source`, the hash of the flow's source, is for
    people, too.
    """

    epoch: int
    writer: str
    pod: str = ""
    allowance: int = 0
    source: str | None = None


class Why(StrEnum):
    """Why a log is not ours to write."""

    TAKEN = "another process runs this attempt"
    FENCED = "a newer attempt holds the journal"
    OVER = "the execution is over"
    LOST = "the store stayed away, and what was written last is unknown"


@dataclass(frozen=True, slots=True)
class Claiming:
    """Asks for the epoch."""

    me: Identity
    fence: Fence


@dataclass(frozen=True, slots=True)
class Opening:
    """Reads the log to its end."""

    me: Identity
    fence: Fence
    reading: Reading


@dataclass(frozen=True, slots=True)
class Fencing:
    """Puts its fence into the first slot that is missing."""

    me: Identity
    fence: Fence
    head: Head


@dataclass(frozen=True, slots=True)
class Ready:
    """The log is ours up to `head`."""

    me: Identity
    head: Head


@dataclass(frozen=True, slots=True)
class Appending:
    """Puts `slot` at `head.next`."""

    me: Identity
    head: Head
    slot: Slot


@dataclass(frozen=True, slots=True)
class Closed:
    """The log is not ours to write; `head` is what was read of it."""

    why: Why
    head: Head


Writer: TypeAlias = Claiming | Opening | Fencing | Ready | Appending | Closed


def begin(me: Identity, fence: Fence) -> Claiming:
    """Begin to open a log; `fence` is the record that will say so."""
    return Claiming(me, fence)


def append(ready: Ready, records: Sequence[Record]) -> Appending:
    """Begin to commit records together, in one slot."""
    return Appending(ready.me, ready.head, _slot(ready.me, ready.head, records))


def give_up(appending: Appending) -> Closed:
    """Stop waiting for an outcome. Nobody here knows the log's end any more, so this process must not go on."""
    return Closed(Why.LOST, appending.head)


def request(
    writer: Claiming | Opening | Fencing | Appending,
) -> ClaimEpoch | ReadSegment | ReadSlot | PutSlot:
    """Return what to ask the store next."""
    match writer:
        case Claiming(me):
            return ClaimEpoch(me.epoch, Claim(writer=me.writer, pod=me.pod))
        case Opening(reading=reading):
            return reading.request
        case Fencing(me, fence, head):
            return PutSlot(head.next, _slot(me, head, (fence,)))
        case Appending(_, head, slot):
            return PutSlot(head.next, slot)
        case _:
            assert_never(writer)


def told(writer: Claiming | Opening | Fencing | Appending, reply: Reply) -> Writer:
    """Return the next state. An unknown outcome changes nothing: the same request again (rule 1)."""
    if isinstance(reply, Unknown):
        return writer
    match writer:
        case Claiming():
            return _claimed(writer, reply)
        case Opening(me, fence, reading):
            read = reading.told(reply)
            return _read(me, fence, read) if isinstance(read, Head) else Opening(me, fence, read)
        case Fencing():
            return _fenced(writer, reply)
        case Appending():
            return _appended(writer, reply)
        case _:
            assert_never(writer)


def _slot(me: Identity, head: Head, records: Sequence[Record]) -> Slot:
    """A writer puts a number again only with the same records, so the number makes the id unique."""
    return Slot(epoch=me.epoch, writer=me.writer, id=f"{me.writer}-{head.next}", records=tuple(records))


def _claimed(writer: Claiming, reply: Reply) -> Opening | Closed:
    match reply:
        case Created():
            return Opening(writer.me, writer.fence, Reading())
        case Found(Claim(writer=owner)) if owner == writer.me.writer:
            return Opening(writer.me, writer.fence, Reading())
        case Found(Claim()):
            return Closed(Why.TAKEN, EMPTY)
        case _:
            requests.broken(request(writer), reply)


def _read(me: Identity, fence: Fence, head: Head) -> Fencing | Closed:
    """Rule 6: what was read forbids to write, or it does not."""
    if head.epoch > me.epoch:
        return Closed(Why.FENCED, head)
    if head.epoch == me.epoch:
        return Closed(Why.TAKEN, head)  # the claim forbids it; writing on would make it worse
    if head.final or (head.state is State.FAILED and head.failures > me.allowance):
        return Closed(Why.OVER, head)
    return Fencing(me, fence, head)


def _fenced(writer: Fencing, reply: Reply) -> Fencing | Ready | Closed:
    put = PutSlot(writer.head.next, _slot(writer.me, writer.head, (writer.fence,)))
    match reply:
        case Created():
            return Ready(writer.me, heads.fold(writer.head, (put.slot,)))
        case Found(Slot(id=held)) if held == put.slot.id:
            return Ready(writer.me, heads.fold(writer.head, (put.slot,)))
        case Found(Slot() as slot) if slot.epoch != writer.me.epoch:
            return _read(writer.me, writer.fence, heads.fold(writer.head, (slot,)))
        case _:
            requests.broken(put, reply)


def _appended(writer: Appending, reply: Reply) -> Ready | Closed:
    match reply:
        case Created():
            return Ready(writer.me, heads.fold(writer.head, (writer.slot,)))
        case Found(Slot(id=held)) if held == writer.slot.id:
            return Ready(writer.me, heads.fold(writer.head, (writer.slot,)))
        case Found(Slot() as slot) if slot.epoch > writer.me.epoch:
            return Closed(Why.FENCED, writer.head)
        case _:
            requests.broken(request(writer), reply)
