"""What an execution's log says about its calls and waits, as the next run of the body needs it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from pydantic import JsonValue

from kitaru.core import hashing, journal
from kitaru.core.journal import (
    Answered,
    Begun,
    Cancelled,
    Completed,
    Expired,
    Failed,
    Fence,
    Idle,
    Logged,
    Parked,
    Raised,
    Record,
    Retried,
    Returned,
    Tried,
    Value,
    WaitOpened,
)
from kitaru.core.running import RunningTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the body something was asked for: the n-th of its name in its scope."""

    scope: str
    name: str
    occurrence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call as the log knows it. `tries` counts failed tries since it began or was released, `tried` is the last.

    `replays` is the recorded call that it stands for, in a replay.
    """

    id: str
    place: Place
    inputs: str
    nth: int
    explicit: bool
    tries: int = 0
    outcome: Returned | Raised | None = None
    tried: Tried | None = None
    replays: str | None = None

    @property
    def finished(self) -> bool:
        """Whether its outcome is in the log, and no retry released it."""
        return self.outcome is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A wait as the log knows it. A retry that asks it again, expired or wrongly answered, makes it `stale`."""

    id: str
    place: Place
    inputs: str
    opened: WaitOpened
    decision: Answered | Expired | None = None
    stale: bool = False
    explicit: bool = False
    nth: int = 1

    @property
    def finished(self) -> bool:
        """Whether its answer or expiry is in the log."""
        return self.decision is not None


Entry: TypeAlias = Call | Wait


class History:
    """The calls and waits of an execution, folded from its records in the order of the log."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.calls: dict[str, Call] = {}
        self.waits: dict[str, Wait] = {}
        self.metadata: dict[str, JsonValue] = {}
        self.retried = 0
        #: The last of the body's own retries, None once there is another record after it than a fence.
        self.again: Retried | None = None
        self.running = RunningTime()
        #: Whether anything has an outcome that no replay copied: from then on the body may go other ways.
        self.moved = False
        for record in records:
            self.apply(record)

    def apply(self, record: Record) -> None:
        """Take one more record."""
        self.running.take(record)
        if not isinstance(record, Fence):
            self.again = record if isinstance(record, Retried) else None
        match record:
            case journal.Begun() | journal.Tried() | journal.Returned() | journal.Raised():
                self._of_call(record)
            case journal.WaitOpened():
                self.waits[record.wait] = _wait(record)
            case journal.Answered() | journal.Expired():
                self.moved |= not is_copied(record)
                self.waits[record.wait] = dataclasses.replace(self.waits[record.wait], decision=record)
            case _:
                self._of_flow(record)

    def _of_call(self, record: Begun | Tried | Returned | Raised) -> None:
        match record:
            case journal.Begun():
                self._begun(record)
            case journal.Tried():
                self._call(record.call, tries=record.number, tried=record)
            case journal.Returned() | journal.Raised():
                self.moved |= not is_copied(record)
                self._call(record.call, tries=self.calls[record.call].tries, outcome=record)
            case _:
                assert_never(record)

    def _of_flow(self, record: Fence | Idle | Logged | Retried | Parked | Failed | Completed | Cancelled) -> None:
        match record:
            case journal.Logged():
                self.metadata = merged(self.metadata, record.metadata)
            case journal.Retried():
                self.retried += 1
                self._release(record.releases, record.asks)
            case journal.Failed():
                self._release(record.releases, record.asks)
            case journal.Fence() | journal.Idle() | journal.Parked() | journal.Completed() | journal.Cancelled():
                pass
            case _:
                assert_never(record)

    def failed(self) -> list[str]:
        """Return the ids of the calls that failed and were not released since, oldest first."""
        return [one.id for one in self.calls.values() if isinstance(one.outcome, Raised)]

    def expired(self) -> list[str]:
        """Return the ids of the waits that expired without a default, oldest first."""
        return [
            one.id
            for one in self.waits.values()
            if isinstance(one.decision, Expired) and one.opened.default is None and not one.stale
        ]

    def answered(self) -> list[str]:
        """Return the ids of the waits that have an answer and were not asked again since, oldest first."""
        return [one.id for one in self.waits.values() if isinstance(one.decision, Answered) and not one.stale]

    def _begun(self, record: Begun) -> None:
        known = self.calls.get(record.call)
        self.calls[record.call] = Call(
            id=record.call,
            place=place_of(record),
            inputs=record.inputs,
            nth=record.nth,
            explicit=record.explicit,
            tries=0 if known is None else known.tries,
            tried=None if known is None else known.tried,
            replays=record.replays,
        )

    def _call(
        self, call: str, *, tries: int, outcome: Returned | Raised | None = None, tried: Tried | None = None
    ) -> None:
        known = self.calls[call]
        # Spelled out, because this is done for each call of a long history, and `replace` is slow.
        self.calls[call] = Call(
            id=known.id,
            place=known.place,
            inputs=known.inputs,
            nth=known.nth,
            explicit=known.explicit,
            tries=tries,
            outcome=outcome,
            tried=tried,
            replays=known.replays,
        )

    def _release(self, calls: Iterable[str], waits: Iterable[str]) -> None:
        for call in calls:
            self._call(call, tries=0)
        for wait in waits:
            self.waits[wait] = dataclasses.replace(self.waits[wait], stale=True)


def merged(old: Mapping[str, JsonValue], new: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return metadata with `new` logged over `old`: two mappings merge one level, else the last wins."""
    result = dict(old)
    for key, value in new.items():
        known = result.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            result[key] = {**known, **value}
        else:
            result[key] = value
    return result


def is_copied(record: Returned | Raised | Answered | Expired) -> bool:
    """Return whether a replay copied the outcome from the execution that it replays."""
    return record.reused is not None and record.reused.how == "replay"


def question(opened: WaitOpened) -> str:
    """Return the content hash of what a wait asks: another question never gets its answer."""
    return hashing.of_json([opened.question, opened.schema, dict(opened.metadata)])


def place_of(record: Begun | WaitOpened) -> Place:
    """Return where in the body it was asked for."""
    return Place(scope=record.scope, name=record.name, occurrence=record.occurrence)


def renamed(record: WaitOpened, wait: str, default: Value | None, replays: str | None = None) -> WaitOpened:
    """Return the record under its wait id, with the default that it returns at its deadline."""
    return dataclasses.replace(record, wait=wait, default=default, replays=replays)


def _wait(record: WaitOpened) -> Wait:
    return Wait(
        id=record.wait,
        place=place_of(record),
        inputs=question(record),
        opened=record,
    )
