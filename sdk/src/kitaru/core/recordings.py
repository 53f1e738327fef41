"""What a replay knows of the execution that it replays: its calls and waits, and when each began and ended.

Time is counted in slots of the log. What began at a slot later than that which holds an outcome may depend on that
outcome; what began before, cannot.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic

from kitaru.core import journal, matching
from kitaru.core.history import Call, History, Wait
from kitaru.core.journal import Record, Slot
from kitaru.core.matching import EntryT


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Generic[EntryT]):
    """A call or a wait as it was recorded.

    `began` is the first slot that was not yet written when it began (for the last time, if a crash made it begin
    again); `ended` the slot with its last outcome, None without one; `order` counts the first beginnings of its kind,
    from 0; `made` says that the last run of the body made it, for all that is known.
    """

    entry: EntryT
    began: int
    ended: int | None
    order: int
    made: bool

    @property
    def id(self) -> str:
        """The call's or the wait's id."""
        return self.entry.id

    def follows(self, slot: int) -> bool:
        """Whether it began when this slot was written, so that it may depend on what the slot holds."""
        return self.began > slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """An execution's calls, and its waits that no retry asks again, by id, in the order in which they began.

    `complete` says that its body returned, so that there is no call which it would have made and did not.
    """

    calls: dict[str, Recorded[Call]]
    waits: dict[str, Recorded[Wait]]
    complete: bool


def read(slots: Iterable[Slot]) -> Recording:
    """Return what the log says; `slots` are it from slot 0 on."""
    history = History()
    calls, waits, ends = _Times(), _Times(), _Ends()
    complete = False
    for number, slot in enumerate(slots):
        for record in slot.records:
            history.apply(record)
            _note(record, number, calls, waits)
            ends.note(record)
            complete |= isinstance(record, journal.Completed)
    live = {one.id: one for one in matching.live(history.waits)}
    return Recording(
        calls={one: calls.recorded(entry, made=ends.made(one)) for one, entry in history.calls.items()},
        waits={one: waits.recorded(entry, made=ends.made(one)) for one, entry in live.items()},
        complete=complete,
    )


class _Times:
    """When the entries of one kind began and ended."""

    def __init__(self) -> None:
        self._began: dict[str, int] = {}
        self._ended: dict[str, int] = {}
        self._order: dict[str, int] = {}

    def began(self, entry: str, slot: int) -> None:
        self._order.setdefault(entry, len(self._order))
        self._began[entry] = slot

    def ended(self, entry: str, slot: int) -> None:
        self._ended[entry] = slot

    def recorded(self, entry: EntryT, *, made: bool) -> Recorded[EntryT]:
        return Recorded(
            entry=entry,
            began=self._began[entry.id],
            ended=self._ended.get(entry.id),
            order=self._order[entry.id],
            made=made,
        )


class _Ends:
    """What the last run of the body made: all but what it says it left; if it says nothing, what began in it."""

    def __init__(self) -> None:
        self._begun: set[str] = set()
        self._left: frozenset[str] | None = None

    def note(self, record: Record) -> None:
        match record:
            case journal.Fence() | journal.Retried():
                self._begun.clear()
                self._left = None
            case journal.Begun(call=entry) | journal.WaitOpened(wait=entry):
                self._begun.add(entry)
            case journal.Parked(left=left) | journal.Failed(left=left) | journal.Completed(left=left):
                self._left = None if left is None else frozenset(left)
            case _:
                pass

    def made(self, entry: str) -> bool:
        return entry in self._begun if self._left is None else entry not in self._left


def _note(record: Record, number: int, calls: _Times, waits: _Times) -> None:
    match record:
        case journal.Begun():
            calls.began(record.call, record.head)
        case journal.Returned() | journal.Raised():
            calls.ended(record.call, number)
        case journal.WaitOpened():
            # A log of before heads were written: the question was asked when the slot was written, or earlier.
            waits.began(record.wait, number if record.head is None else record.head)
        case journal.Answered() | journal.Expired():
            waits.ended(record.wait, number)
        case _:
            pass
