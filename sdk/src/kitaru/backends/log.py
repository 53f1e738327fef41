"""The journal on objects: drives the protocol's machines, and says how long to be patient with a store.

It stands on the `ObjectStore` port, so it is the same journal on S3, in memory and on SQLite.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from kitaru import ports
from kitaru.backends.objects import Objects, Pause, ReadAhead
from kitaru.backends.segment_writer import SegmentWriter
from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer, Claim, Expiry, Fence, Record, Slot
from kitaru.core.paths import ExecutionPaths
from kitaru.core.protocol import ender, reader, requests, writer
from kitaru.core.protocol.ender import Ended, Ender, Ending, GaveUp
from kitaru.core.protocol.reader import EMPTY, HeadReading, Reading
from kitaru.core.protocol.requests import (
    Created,
    Found,
    Missing,
    PutDecision,
    PutSlot,
    ReadDecision,
    ReadSegment,
    ReadSlot,
    Reply,
    Unknown,
)
from kitaru.core.protocol.writer import Appending, Claiming, Closed, Fencing, Identity, Opening, Ready, Writer
from kitaru.core.segments import Segment
from kitaru.errors import Fenced, KitaruBackendError, StoreUnavailableError
from kitaru.ports import Clock, ObjectStore

#: How long a journal waits for a store that gives no answer, in seconds.
PATIENCE: Final = 300.0
#: How many objects are read at once where there are many. 1 is best where reading has no latency.
WIDTH: Final = 8


@dataclass(slots=True)
class _Commit:
    """Records that a thread wants committed, and what became of them."""

    records: tuple[Record, ...]
    slot: int | None = None
    error: BaseException | None = None

    @property
    def settled(self) -> bool:
        return self.slot is not None or self.error is not None

    def result(self) -> int:
        if self.error is not None:
            raise self.error
        if self.slot is None:
            message = "a commit ended without an outcome"
            raise AssertionError(message)
        return self.slot


@dataclass(slots=True)
class _Gathered:
    """What an open has read and written of the log: all its slots, and the head of its last segment."""

    slots: list[Slot] = field(default_factory=list[Slot])
    base: Head = EMPTY

    def note(self, request: requests.Request, reply: Reply) -> None:
        match reply:
            case Found(Segment() as segment):
                self.slots.extend(segment.slots)
                self.base = segment.head
            case Found(Slot() as slot):
                self.slots.append(slot)
            case Created() if isinstance(request, PutSlot):
                self.slots.append(request.slot)
            case _:
                pass


class ObjectJournal:
    """The `Journal` port of one execution, under one epoch, on an object store.

    Appends of several threads that meet share a slot: whoever comes first writes for all that wait. `patience` is how
    many seconds a store may stay away, `width` how many objects are read at once.
    """

    def __init__(
        self,
        store: ObjectStore,
        paths: ExecutionPaths,
        identity: Identity,
        clock: Clock,
        *,
        patience: float = PATIENCE,
        width: int = WIDTH,
    ) -> None:
        self._objects = Objects(store, paths)
        self._paths = paths
        #: Where what need not outlive a loss of power is put.
        self._unsynced = self._objects
        self._identity = identity
        self._clock = clock
        self._patience = patience
        self._width = width
        self._writer: Writer | None = None
        self._segments: SegmentWriter | None = None
        self._waiting: deque[_Commit] = deque()
        self._flight: list[_Commit] = []
        self._writing = threading.Lock()

    def relax(self, unsynced: ObjectStore) -> Self:
        """Put claims, fences and segments through `unsynced`; to be called before `open`.

        It is the same store, where a write may be lost with the power as long as nothing later is durable. The power
        ends every process that could have been held off by what was lost, and a log stays a row without gaps.
        """
        self._unsynced = Objects(unsynced, self._paths)
        return self

    def open(self) -> ports.Opened | ports.Closed:
        """Claim the epoch, read the log, fence (rules 5 to 7). To be called once, before all else.

        Raises `StoreUnavailableError` when the store stayed away for longer than the patience.
        """
        me = self._identity
        fence = Fence(at=self._clock.now(), pod=me.pod, source=me.source)
        state: Writer = writer.begin(me, fence)
        log, pause = _Gathered(), Pause(self._clock, self._patience)
        with ReadAhead(self._objects.try_once, self._width) as ahead:
            while isinstance(state, Claiming | Opening | Fencing):
                request = writer.request(state)
                if isinstance(request, ReadSegment | ReadSlot):
                    reply = ahead.perform(request)
                else:
                    reply = self._unsynced.try_once(request)
                pause.after(reply)
                log.note(request, reply)
                state = writer.told(state, reply)
        self._writer = state
        if isinstance(state, Closed):
            return ports.Closed(why=f"The attempt has nothing to do: {state.why}.", head=state.head)
        self._segments = SegmentWriter(self._unsynced, self._clock, log.base)
        self._segments.add(log.slots[log.base.next :])
        return ports.Opened(slots=log.slots, head=state.head)

    def append(self, records: Sequence[Record]) -> int:
        """Commit the records together and return their slot once they are durable (rule 8).

        Raises `Fenced` when a newer attempt holds the journal, and `StoreUnavailableError` when the store stayed away
        for longer than the patience; after either, every further append raises `Fenced`.
        """
        mine = _Commit(tuple(records))
        self._waiting.append(mine)
        with self._writing:
            if not mine.settled:
                self._lead()
        return mine.result()

    def decision(self, wait: str) -> Answer | Abort | Expiry | None:
        """Return what was decided for a wait, None if nothing was (rule 10)."""
        pause = Pause(self._clock, self._patience)
        while True:
            request = ReadDecision(wait)
            reply = self._objects.try_once(request)
            pause.after(reply)
            match reply:
                case Found(Answer() | Abort() | Expiry() as decision):
                    return decision
                case Missing():
                    return None
                case Unknown():
                    continue
                case _:
                    requests.broken(request, reply)

    def head(self) -> Head:
        """Return the head of the log as this process knows it; it wrote the end of it."""
        match self._writer:
            case Ready(head=head) | Appending(head=head) | Closed(head=head):
                return head
            case _:
                return EMPTY

    @property
    def waiting(self) -> int:
        """How many appends wait for the one that is under way."""
        return len(self._waiting)

    def close(self) -> None:
        """Return once every full segment was written or given up. Nothing is lost without it."""
        if self._segments is not None:
            self._segments.close()

    def _lead(self) -> None:
        """Write for every thread that waits. What an interrupted leader left in flight comes first."""
        if self._flight:
            self._write()
        self._flight = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if self._flight:
            self._write()

    def _write(self) -> None:
        """Bring what is in flight to its end: committed, or refused for good."""
        if isinstance(self._writer, Ready):
            self._writer = writer.append(self._writer, [one for commit in self._flight for one in commit.records])
        pause = Pause(self._clock, self._patience)
        while isinstance(state := self._writer, Appending):
            try:
                reply = self._objects.try_once(writer.request(state))
                pause.after(reply)
                self._writer = writer.told(state, reply)
            except KitaruBackendError as error:
                self._writer = writer.give_up(state)
                self._settle(error=error)
            if isinstance(self._writer, Ready):
                self._committed(state)
        if self._flight:
            why = self._writer.why if isinstance(self._writer, Closed) else "it was not opened"
            self._settle(error=Fenced(f"The journal takes no more records: {why}."))

    def _committed(self, state: Appending) -> None:
        self._settle(slot=state.head.next)
        if self._segments is not None:
            self._segments.add((state.slot,))

    def _settle(self, *, slot: int | None = None, error: BaseException | None = None) -> None:
        for commit in self._flight:
            commit.slot, commit.error = slot, error
        self._flight = []


def read_slots(store: ObjectStore, paths: ExecutionPaths, start: int = 0, *, width: int = WIDTH) -> list[Slot]:
    """Return the log from the slot `start` on, as it was at this call or later. Raises what the store raises, at once.

    All of it is read through its segments; who has the slots before `start` reads on slot by slot.
    """
    objects, log = Objects(store, paths), _Gathered()
    state: Reading | HeadReading | Head = reader.tail(Head(next=start)) if start else Reading()
    with ReadAhead(objects.perform, width) as ahead:
        while not isinstance(state, Head):
            reply = ahead.perform(state.request)
            log.note(state.request, reply)
            state = state.told(reply) if isinstance(state, Reading) else reader.told(state, reply)
            if isinstance(state, Reading) and state.segment is None:
                state = reader.tail(state.head)
    return log.slots


def read_head(store: ObjectStore, paths: ExecutionPaths, known: Head | None = None, *, width: int = WIDTH) -> Head:
    """Return the log's head, as it was at this call or later; with a known head and nothing new it is one GET.

    Raises what the store raises, at once.
    """
    objects, state = Objects(store, paths), reader.head(known)
    with ReadAhead(objects.perform, width) as ahead:
        while not isinstance(state, Head):
            state = reader.told(state, ahead.perform(state.request))
    return state


def read_claim(store: ObjectStore, paths: ExecutionPaths, number: int) -> Claim | None:
    """Return who claimed an epoch, None if nobody did. Raises what the store raises, at once."""
    return Objects(store, paths).claim(number)


def read_decision(store: ObjectStore, paths: ExecutionPaths, wait: str) -> Answer | Abort | Expiry | None:
    """Return what is stored for a wait, None if nothing is. Raises what the store raises, at once."""
    request = ReadDecision(wait)
    match Objects(store, paths).perform(request):
        case Found(Answer() | Abort() | Expiry() as decision):
            return decision
        case Missing():
            return None
        case reply:
            requests.broken(request, reply)


def store_decision(
    store: ObjectStore, paths: ExecutionPaths, wait: str, decision: Answer | Abort | Expiry
) -> Answer | Abort | Expiry:
    """Store a decision if there is none for this wait, and return the one that is stored (rules 28 and 28b).

    Raises `StoreUnavailableError` when the outcome is unknown: call again with the same decision.
    """
    request = PutDecision(wait, decision)
    match Objects(store, paths).perform(request):
        case Created():
            return decision
        case Found(Answer() | Abort() | Expiry() as held):
            return held
        case Unknown():
            message = f"The store refused the answer to {wait!r} and shows none: try again."
            raise StoreUnavailableError(message)
        case reply:
            requests.broken(request, reply)


def end_execution(
    store: ObjectStore, paths: ExecutionPaths, ending: Ending, head: Head, clock: Clock, *, patience: float = PATIENCE
) -> Ended | GaveUp:
    """End the execution whose log was seen to end with `head` (rules 18, 18b and 25).

    Raises `StoreUnavailableError` when the store stayed away for longer than the patience: the next pass looks again.
    """
    objects, pause = Objects(store, paths), Pause(clock, patience)
    state: Ender = ender.begin(ending, head)
    while not isinstance(state, Ended | GaveUp):
        reply = objects.try_once(ender.request(state))
        pause.after(reply)
        state = ender.told(state, reply)
    return state
