"""The journal protocol's requests, performed on an object store."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Final, TypeAlias, assert_never

from kitaru.core import encoding, segments
from kitaru.core.journal import Abort, Answer, Claim, Expiry, Slot
from kitaru.core.paths import ExecutionPaths
from kitaru.core.protocol.requests import (
    ClaimEpoch,
    Created,
    Found,
    Missing,
    Present,
    ProbeSegment,
    ProbeSlot,
    PutDecision,
    PutSegment,
    PutSlot,
    ReadDecision,
    ReadSegment,
    ReadSlot,
    Reply,
    Request,
    Unknown,
)
from kitaru.core.segments import Segment
from kitaru.errors import StoreUnavailableError
from kitaru.ports import Clock, ObjectStore

#: Reads of objects that are numbered in a row.
RowRead: TypeAlias = ReadSegment | ReadSlot | ProbeSegment
_Content: TypeAlias = Claim | Segment | Slot | Answer | Abort | Expiry
#: Seconds before the second try, doubled at each one, up to the longest.
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0


class Objects:
    """One execution's objects. Any number of threads may perform requests at once."""

    def __init__(self, store: ObjectStore, paths: ExecutionPaths) -> None:
        self._store = store
        self._paths = paths

    def perform(self, request: Request) -> Reply:
        """Perform the request once. Raises what the store raises, but for what `try_once` makes of it."""
        paths = self._paths
        match request:
            case ClaimEpoch(number, claim):
                return self._put(paths.epoch(number), encoding.encode_claim(claim), encoding.decode_claim)
            case PutSlot(number, slot):
                return self._put(paths.slot(number), encoding.encode_slot(slot), encoding.decode_slot)
            case PutSegment(number, segment):
                return self._put(paths.segment(number), segments.encode(segment), segments.decode)
            case PutDecision(wait, decision):
                body = encoding.encode_decision(decision)
                return self._put(paths.answer(wait), body, encoding.decode_decision)
            case ReadSegment() | ReadSlot() | ReadDecision() | ProbeSegment() | ProbeSlot():
                return self._read(request)
            case _:
                assert_never(request)

    def try_once(self, request: Request) -> Reply:
        """Perform the request once; no answer from the store is the reply that the outcome is unknown."""
        try:
            return self.perform(request)
        except StoreUnavailableError:
            return Unknown()

    def claim(self, number: int) -> Claim | None:
        """Return who claimed an epoch."""
        body = self._store.get(self._paths.epoch(number))
        return None if body is None else encoding.decode_claim(body)

    def _read(self, request: ReadSegment | ReadSlot | ReadDecision | ProbeSegment | ProbeSlot) -> Reply:
        paths = self._paths
        match request:
            case ReadSegment(number):
                return self._get(paths.segment(number), segments.decode)
            case ReadSlot(number):
                return self._get(paths.slot(number), encoding.decode_slot)
            case ReadDecision(wait):
                return self._get(paths.answer(wait), encoding.decode_decision)
            case ProbeSegment(number):
                return self._probe(paths.segment(number))
            case ProbeSlot(number):
                return self._probe(paths.slot(number))
            case _:
                assert_never(request)

    def _probe(self, key: str) -> Reply:
        return Missing() if self._store.head(key) is None else Present()

    def _get(self, key: str, decode: Callable[[bytes], _Content]) -> Reply:
        body = self._store.get(key)
        return Missing() if body is None else Found(decode(body))

    def _put(self, key: str, body: bytes, decode: Callable[[bytes], _Content]) -> Reply:
        """Rule 1: success, or refused and what lies there; all else is unknown."""
        if self._store.create(key, body):
            return Created()
        held = self._store.get(key)
        # Refused, yet nothing there: a store that is not settled. The same put again will tell.
        return Unknown() if held is None else Found(decode(held))


class Pause:
    """The time between tries whose outcome was unknown: it grows, and it ends."""

    def __init__(self, clock: Clock, patience: float) -> None:
        self._clock = clock
        self._patience = patience
        self._next = _FIRST_PAUSE
        self._since: float | None = None

    def after(self, reply: Reply) -> None:
        """Return at once after a known outcome, after a while otherwise.

        Raises `StoreUnavailableError` when the outcome stayed unknown for longer than the patience.
        """
        if not isinstance(reply, Unknown):
            self._next, self._since = _FIRST_PAUSE, None
            return
        now = self._clock.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since >= self._patience:
            message = f"The store gave no usable answer for {self._patience:g} s: check its endpoint and network."
            raise StoreUnavailableError(message)
        self._clock.sleep(self._next)
        self._next = min(_LONGEST_PAUSE, 2 * self._next)


class ReadAhead(AbstractContextManager["ReadAhead"]):
    """Performs reads of a row of objects several at a time.

    While the row goes on, the objects after the one that was asked for are fetched ahead, ever more, up to `width` at
    once. What lies behind the row's end is thrown away.
    """

    def __init__(self, perform: Callable[[RowRead | ProbeSlot], Reply], width: int) -> None:
        self._perform = perform
        self._width = width
        self._row: type[RowRead] | None = None
        self._depth = 0
        self._ahead: dict[RowRead, Future[Reply]] = {}
        self._pool: ThreadPoolExecutor | None = None

    def __exit__(self, *exc: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def perform(self, request: RowRead | ProbeSlot) -> Reply:
        """Return the store's reply to a read."""
        if isinstance(request, ProbeSlot):
            return self._perform(request)
        if type(request) is not self._row:
            self._row, self._depth = type(request), 0
            self._ahead.clear()
        fetched = self._ahead.pop(request, None)
        reply = self._perform(request) if fetched is None else fetched.result()
        if isinstance(reply, Found | Present) and self._width > 1:
            self._fetch(request)
        return reply

    def _fetch(self, request: RowRead) -> None:
        """Fetch what follows: nothing after the first of a row, then 1, 2, 4 … objects."""
        for step in range(1, self._depth + 1):
            following = dataclasses.replace(request, number=request.number + step)
            if following not in self._ahead:
                self._pool = self._pool or ThreadPoolExecutor(self._width, "kitaru-read")
                self._ahead[following] = self._pool.submit(self._perform, following)
        self._depth = min(self._width, max(1, 2 * self._depth))
