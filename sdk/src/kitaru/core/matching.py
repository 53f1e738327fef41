"""Which call of the history a call of the body is, by the four rules of the semantics.

1. The same place and the same inputs.
2. Else one of the same name and inputs that nobody claimed, finished ones first, then oldest first:
   branches that ran in another order.
3. Else, only while the body is sequential, the same place: its inputs differ, which is reported.
4. Else it is new.

Whatever is matched is claimed: it answers for one call of this run of the body, never for two. So a
result is never swapped with that of a call with other inputs, once branches run side by side.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from kitaru.core import hashing, names
from kitaru.core.history import Call, Place, Wait
from kitaru.errors import KitaruUsageError

EntryT = TypeVar("EntryT", Call, Wait)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the body asks for. `explicit` is the id that the user gave."""

    place: Place
    inputs: str
    explicit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known(Generic[EntryT]):
    """The history has it: finished, it is reused; begun, it runs under its old id.

    `differs` says that it was found by its place alone.
    """

    entry: EntryT
    differs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """The history lacks it. `nth` numbers the calls of this name and these inputs, from 1."""

    id: str
    nth: int


class Matching(Generic[EntryT]):
    """The claims of one run of the body on the history's calls, or on its waits."""

    def __init__(self, entries: Iterable[EntryT], taken: Container[str] = ()) -> None:
        self._by_id: dict[str, EntryT] = {}
        self._by_place: dict[Place, EntryT] = {}
        self._exact: dict[tuple[Place, str], EntryT] = {}
        self._equals: dict[tuple[str, str], deque[EntryT]] = {}
        self._numbers: dict[tuple[str, str], _Numbers] = {}
        self._claimed: set[str] = set()
        self._ids = _Ids(taken)
        for entry in sorted(entries, key=_unfinished):
            self._add(entry)

    def decide(self, asked: Asked, *, sequential: bool) -> Known[EntryT] | New:
        """Return what the call is, and claim it.

        Raises `KitaruUsageError` when its explicit id belongs to another call.
        """
        if asked.explicit is not None:
            return self._explicit(asked.explicit)
        entry = self._equal(asked)
        if entry is not None:
            self._claimed.add(entry.id)
            return Known(entry=entry)
        entry = self._by_place.get(asked.place) if sequential else None
        if entry is not None and entry.id not in self._claimed:
            self._claimed.add(entry.id)
            return Known(entry=entry, differs=True)
        return self._new(asked)

    def _add(self, entry: EntryT) -> None:
        self._by_id[entry.id] = entry
        self._ids.add(entry.id)
        if not entry.explicit:
            key = (entry.place.name, entry.inputs)
            self._by_place.setdefault(entry.place, entry)
            self._exact.setdefault((entry.place, entry.inputs), entry)
            self._equals.setdefault(key, deque()).append(entry)
            self._numbers.setdefault(key, _Numbers()).add(entry.nth)

    def _equal(self, asked: Asked) -> EntryT | None:
        entry = self._exact.get((asked.place, asked.inputs))
        if entry is not None and entry.id not in self._claimed:
            return entry
        unclaimed = self._equals.get((asked.place.name, asked.inputs), deque())
        while unclaimed and unclaimed[0].id in self._claimed:
            unclaimed.popleft()
        return unclaimed[0] if unclaimed else None

    def _explicit(self, call: str) -> Known[EntryT] | New:
        entry = self._by_id.get(call)
        if call in self._claimed or (entry is None and call in self._ids):
            raise KitaruUsageError(_in_use(call))
        if entry is not None and not entry.explicit:
            raise KitaruUsageError(_in_use(call))
        self._claimed.add(call)
        self._ids.add(call)
        return New(id=call, nth=1) if entry is None else Known(entry=entry)

    def _new(self, asked: Asked) -> New:
        key = (asked.place.name, asked.inputs)
        nth = self._numbers.setdefault(key, _Numbers()).next()
        return New(id=self._ids.next(asked.place.name), nth=nth)


class _Numbers:
    """Numbers of equal calls. The lowest free one is next: it is what a call had that left no trace."""

    def __init__(self) -> None:
        self._used: set[int] = set()
        self._last = 0

    def add(self, number: int) -> None:
        self._used.add(number)

    def next(self) -> int:
        self._last += 1
        while self._last in self._used:
            self._last += 1
        return self._last


class _Ids:
    """Ids in use. Counts on from the last one of a name, so that thousands of a name cost nothing."""

    def __init__(self, taken: Container[str]) -> None:
        self._before = taken
        self._taken: set[str] = set()
        self._last: dict[str, int] = {}

    def __contains__(self, call: str) -> bool:
        return call in self._taken or call in self._before

    def add(self, call: str) -> None:
        self._taken.add(call)

    def next(self, name: str) -> str:
        number = self._last.get(name, 0) + 1
        while names.numbered(name, number) in self:
            number += 1
        self._last[name] = number
        self._taken.add(names.numbered(name, number))
        return names.numbered(name, number)


def idempotency_key(execution: str, call: Call) -> str:
    """Return the key that a call has in every attempt, to hand to the outside world: 32 hex digits."""
    if call.explicit:
        return hashing.of_json([execution, call.id])
    return hashing.of_json([execution, call.place.name, call.inputs, call.nth])


def _unfinished(entry: Call | Wait) -> bool:
    return not entry.finished


def _in_use(call: str) -> str:
    return f"The id {call!r} is in use in this execution: give this call another id=."


def live(waits: Mapping[str, Wait]) -> list[Wait]:
    """Return the waits that the body may meet again: not those that a retry asks anew."""
    return [one for one in waits.values() if not one.stale]
