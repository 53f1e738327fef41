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
    """The claims of one run of the body on the history's calls, or on its waits.

    `taken` are ids that nothing new may have, not even by the user's will; `reserved` those that are not given away
    unasked.
    """

    def __init__(self, entries: Iterable[EntryT], taken: Container[str] = (), reserved: Container[str] = ()) -> None:
        self._by_id: dict[str, EntryT] = {}
        self._by_place: dict[Place, EntryT] = {}
        self._exact: dict[tuple[Place, str], EntryT] = {}
        self._equals: dict[tuple[str, str], deque[EntryT]] = {}
        self._numbers: dict[tuple[str, str], _Numbers] = {}
        self._claimed: set[str] = set()
        self._ids = _Ids(taken, reserved)
        for entry in sorted(entries, key=_unfinished):
            self._add(entry)

    def decide(self, asked: Asked, *, sequential: bool) -> Known[EntryT] | New:
        """Return what the call is, and claim it.

        Raises `KitaruUsageError` when its explicit id belongs to another call.
        """
        found = self.find(asked, sequential=sequential)
        return self.add(asked) if found is None else found

    def find(self, asked: Asked, *, sequential: bool) -> Known[EntryT] | None:
        """Return the entry that the call is, and claim it; None when the history lacks it.

        Raises `KitaruUsageError` when its explicit id belongs to another call.
        """
        if asked.explicit is not None:
            return self._explicit(asked.explicit)
        entry = self._equal(asked)
        if entry is not None:
            self._claimed.add(entry.id)
            return Known(entry=entry)
        entry = self.at(asked.place) if sequential else None
        if entry is None:
            return None
        self._claimed.add(entry.id)
        return Known(entry=entry, differs=True)

    def at(self, place: Place) -> EntryT | None:
        """Return the entry at this place, if nobody claimed it."""
        entry = self._by_place.get(place)
        return None if entry is None or entry.id in self._claimed else entry

    def get(self, entry: str) -> EntryT | None:
        """Return the entry of this id, if nobody claimed it."""
        return None if entry in self._claimed else self._by_id.get(entry)

    def claim(self, entry: str) -> None:
        """Let nobody find the entry of this id any more."""
        self._claimed.add(entry)

    def add(self, asked: Asked, prefer: str | None = None) -> New:
        """Return a new call with the id that the user gave, else `prefer` if it is free, else the next free one."""
        if asked.explicit is not None:
            self._claimed.add(asked.explicit)
            self._ids.add(asked.explicit)
            return New(id=asked.explicit, nth=1)
        key = (asked.place.name, asked.inputs)
        nth = self._numbers.setdefault(key, _Numbers()).next()
        if prefer is None or prefer in self._ids:
            return New(id=self._ids.next(asked.place.name), nth=nth)
        self._ids.add(prefer)
        return New(id=prefer, nth=nth)

    def unclaimed(self) -> tuple[str, ...]:
        """Return the ids of the entries that nobody claimed."""
        return tuple(one for one in self._by_id if one not in self._claimed)

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

    def _explicit(self, call: str) -> Known[EntryT] | None:
        entry = self._by_id.get(call)
        if call in self._claimed or (entry is None and call in self._ids):
            raise KitaruUsageError(_in_use(call))
        if entry is None:
            return None
        if not entry.explicit:
            raise KitaruUsageError(_in_use(call))
        self._claimed.add(call)
        return Known(entry=entry)


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

    def __init__(self, taken: Container[str], reserved: Container[str]) -> None:
        self._before = taken
        self._reserved = reserved
        self._taken: set[str] = set()
        self._last: dict[str, int] = {}

    def __contains__(self, call: str) -> bool:
        return call in self._taken or call in self._before

    def add(self, call: str) -> None:
        self._taken.add(call)

    def next(self, name: str) -> str:
        number = self._last.get(name, 0) + 1
        while (numbered := names.numbered(name, number)) in self or numbered in self._reserved:
            number += 1
        self._last[name] = number
        self._taken.add(numbered)
        return numbered


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
