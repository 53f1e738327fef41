"""Runner processes, one request to the store at a time, so that anything may come between two of them.

They are the protocol's own writers (rules 4 to 11) without user code: what an attempt does next is wished for.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import assert_never

from kitaru.backends.objects import Objects
from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer, Answered, Completed, Expired, Expiry, Failed, Fence, Parked, Record
from kitaru.core.protocol import writer
from kitaru.core.protocol.requests import Found, ReadDecision
from kitaru.core.protocol.writer import Appending, Claiming, Closed, Fencing, Identity, Opening, Ready, Writer
from kitaru.ports import Clock
from tests.unit.kitaru_operator import records

#: So many waits may be open at once.
_WAITS = 2
DEADLINE = timedelta(seconds=10)


class Wish(StrEnum):
    """What an attempt's body does next, where the log and the answers leave it a choice."""

    WORK = "ends a call"
    ASK = "asks"
    ASK_FOR_SECONDS = "asks, and waits ten seconds at most"
    STAY = "stays for an answer"
    PARK = "parks"
    FAIL = "raises"
    COMPLETE = "returns"


class Process:
    """One process of one pod. It may outlive its pod object, and begin late."""

    def __init__(self, pod: str, identity: Identity, objects: Objects, clock: Clock) -> None:
        self.pod = pod
        self.identity = identity
        self.exited = False
        self._objects = objects
        self._clock = clock
        self._state: Writer = writer.begin(identity, Fence(at=clock.now(), pod=identity.pod))

    @property
    def number(self) -> int:
        """The attempt that it was started as."""
        return self.identity.epoch

    def run(self, body: Sequence[Wish], requests: int) -> None:
        """Make so many requests, unless it exits before; what the body does last it does again and again."""
        wishes = itertools.chain(body, itertools.repeat(body[-1]))
        for _ in range(requests):
            if not self.exited:
                self._step(next(wishes) if isinstance(self._state, Ready) else body[0])

    def _step(self, wish: Wish) -> None:
        """Make one request, or decide what to append. Reading the log is one step: slots never change."""
        match state := self._state:
            case Claiming():
                self._tell(state)
                while isinstance(reading := self._state, Opening):
                    self._tell(reading)
            case Fencing() | Opening():
                self._tell(state)
            case Appending():
                self._tell(state)
                self.exited = self.exited or isinstance(state.slot.records[-1], Parked | Failed | Completed)
            case Ready():
                self._think(state, wish)
            case Closed():
                self.exited = True
            case _:
                assert_never(state)

    def _tell(self, state: Claiming | Opening | Fencing | Appending) -> None:
        self._state = writer.told(state, self._objects.perform(writer.request(state)))
        self.exited = isinstance(self._state, Closed)

    def _think(self, ready: Ready, wish: Wish) -> None:
        """What is decided about an open wait is taken before all else (rule 10); it is written in the next step."""
        taken: list[Record] = []
        for wait in ready.head.waits:
            match self._objects.perform(ReadDecision(wait.id)):
                case Found(Abort()):
                    self.exited = True
                    return
                case Found(Answer(request=request, value=value, at=at)):
                    taken.append(Answered(wait=wait.id, request=request, value=value, at=at))
                case Found(Expiry(at=at)):
                    taken.append(Expired(wait=wait.id, at=at))
                case _:
                    pass
        wanted = tuple(taken) or self._wanted(ready.head, wish)
        if wanted:
            self._state = writer.append(ready, wanted)

    def _wanted(self, head: Head, wish: Wish) -> tuple[Record, ...]:
        match wish:
            case Wish.WORK:
                return (records.returned(f"call_{head.next}"),)
            case Wish.ASK | Wish.ASK_FOR_SECONDS:
                return (self._question(head, wish),) if len(head.waits) < _WAITS else ()
            case Wish.STAY:
                return (records.idle(),) if head.waits and not head.idle else ()
            case Wish.PARK:
                return (records.parked(),) if head.waits else ()
            case Wish.FAIL:
                return (records.failed(),)
            case Wish.COMPLETE:
                return (records.completed(),)
            case _:
                assert_never(wish)

    def _question(self, head: Head, wish: Wish) -> Record:
        deadline = self._clock.now() + DEADLINE if wish is Wish.ASK_FOR_SECONDS else None
        return records.asked(f"approve_{head.next}", deadline)
