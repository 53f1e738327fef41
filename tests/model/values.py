"""The values of the model: its states, and the product's values that they stand for.

A state is a tuple of small immutable things, so that millions of them fit and compare fast. The product's slots, heads
and machines are in it as numbers (`Interned`): the number of a value that was seen before is the same again.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, NamedTuple, Never, TypeAlias, TypeVar

from pydantic import JsonValue

from kitaru.core import head as heads
from kitaru.core import journal
from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer, Expiry, Failure, Record, Slot, Value

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
DEADLINE: Final = NOW + timedelta(seconds=10)
#: What `ans[w]` holds in place of a request's number when an expiry is stored for wait w.
EXPIRED: Final = 99

#: Something that an operator is about to do: its name, and with what.
Act: TypeAlias = tuple[object, ...]

_Value = TypeVar("_Value", bound=Hashable)


class Interned(Generic[_Value]):
    """Numbers for values."""

    def __init__(self) -> None:
        self._numbers: dict[_Value, int] = {}
        self._values: list[_Value] = []

    def number(self, value: _Value) -> int:
        number = self._numbers.setdefault(value, len(self._values))
        if number == len(self._values):
            self._values.append(value)
        return number

    def __getitem__(self, number: int) -> _Value:
        return self._values[number]


@dataclass(frozen=True)
class Scenario:
    """The corner explored: the flow's body, how many operators and requests, and the budget of each fault.

    In `body`, cN is a checkpoint, oN opens wait N, wN opens it if need be and asks for its answer. `requests[i]` is the
    wait that request i+1 answers; negative: the wait that it aborts. `faults` names each fault as often as it may
    happen: kill, lose (object gone, process lives on: a zombie, or a late start), twin (started twice), hang, lost (a
    reply), crash (of an operator), fail (user code raises), refuse (an operator finds that no attempt can start), reset
    (status restored from a backup).
    """

    body: str
    ops: int = 1
    requests: tuple[int, ...] = ()
    cancel: bool = False
    retries: int = 0  # how often a person may raise spec.retry
    faults: str = ""
    attempts: int = 4  # bound on status.attempt; states at the bound are excused from liveness
    report: bool = False  # model status.phase
    thrift: bool = False  # also check W1 to W4 (no compute wasted); only without zombies
    glance: bool = False  # an operator's reads are one step: fewer states, so that more faults fit
    stay: bool = False  # runners stay for answers (IDLE) and park when they have stayed long enough
    side: int = 0  # a wait that another thread of the body opens, at any moment
    deadline: tuple[int, ...] = ()  # the waits that expire
    seg: int = 0  # slots a segment; 0: none are written
    delete: bool = False  # somebody may delete the resource (policy Retain)

    @functools.cached_property
    def steps(self) -> tuple[str, ...]:
        return tuple(self.body.split())

    @functools.cached_property
    def kinds(self) -> tuple[str, ...]:
        """The faults that may happen, each once."""
        return tuple(dict.fromkeys(self.faults.split()))

    @functools.cached_property
    def budgets(self) -> tuple[int, ...]:
        """How often each of `kinds` may happen."""
        return tuple(self.faults.split().count(kind) for kind in self.kinds)


class Pod(NamedTuple):
    """One process. Its memory of the log is its machine's; `machine` is -1 once it has exited or hangs."""

    number: int  # in its name and environment
    who: str  # its writer id
    obj: str  # its object: L live, T terminated, G gone (a zombie, if the process lives)
    machine: int
    epoch: int = 0  # of one that hangs in user code: what it had fenced
    start: int = 0  # how much of the log was committed when it had read it: for I8
    early: tuple[int, ...] = ()  # waits decided before it read the log: for I5


class World(NamedTuple):
    """One state of everything: the store, the API server, the processes, the people."""

    log: tuple[int, ...]  # interned slots
    claims: tuple[str, ...]  # claims[n]: who owns epoch n
    ans: tuple[int, ...]  # ans[w]: the request that answers/<w> holds, 0 if none
    att: int  # status.attempt
    cancel: bool
    retry: int
    used: int  # a mark that a retry was handled; only where rule 15 is undone
    reqs: str  # a letter a request: - not made, P pending, A told accepted, R rejected, E rejected because expired;
    # lower case: made after the deadline
    phase: str
    pods: tuple[Pod, ...]
    made: tuple[int, ...]  # writers ever made under each number, for unique ids
    ops: tuple[tuple[Act, ...], ...]  # what each operator is about to do; a crash is a return to ()
    left: tuple[int, ...]  # fault budget
    segs: tuple[tuple[tuple[int, ...], int], ...] = ()  # (slots, head) of segment/<k>; NO_SEGMENT if missing
    late: int = 0  # 1: the deadline is past for the API server, 2: and for the operator, with its margin
    gone: bool = False  # the resource is deleted


NO_SEGMENT: Final[tuple[tuple[int, ...], int]] = ((), -1)


class Move(NamedTuple):
    """One step. `kind` is sys (the system does it by itself), fault, user or time; only the first brings it to rest."""

    kind: str
    label: str
    world: World


class BrokenError(Exception):
    """An invariant does not hold: (which, label of the step)."""


def broken(which: str, step: str) -> Never:
    """Say that an invariant does not hold after a step."""
    raise BrokenError(which, step)


class NothingLogged(Mapping[str, JsonValue]):
    """An empty mapping that can be hashed, as the records of the model must."""

    def __getitem__(self, key: str) -> JsonValue:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NothingLogged)


NOTHING: Final = NothingLogged()
DONE: Final = Value(codec="json", type="builtins.NoneType", size=4, sha256="")
FAILURE: Final = Failure(type="builtins.ValueError", message="user code raised")

SLOTS: Final = Interned[Slot]()
HEADS: Final = Interned[Head]()


@functools.cache
def head_of(log: tuple[int, ...]) -> int:
    """Return the head of a log, folded from slot 0 by the product's fold."""
    if not log:
        return HEADS.number(Head())
    return HEADS.number(heads.fold(HEADS[head_of(log[:-1])], (SLOTS[log[-1]],)))


def folded(log: tuple[int, ...]) -> Head:
    """Return the head of a log."""
    return HEADS[head_of(log)]


@dataclass(frozen=True, slots=True)
class Story:
    """What the body knows from the log: which of its steps are done."""

    done: frozenset[str] = frozenset()
    opened: frozenset[int] = frozenset()
    answered: frozenset[int] = frozenset()  # or expired


@functools.cache
def story(log: tuple[int, ...]) -> Story:
    """Return what a log tells the body."""
    if not log:
        return Story()
    told = story(log[:-1])
    for record in SLOTS[log[-1]].records:
        match record:
            case journal.Returned(call=call):
                told = Story(told.done | {call}, told.opened, told.answered)
            case journal.WaitOpened(wait=wait):
                told = Story(told.done, told.opened | {int(wait[1:])}, told.answered)
            case journal.Answered(wait=wait) | journal.Expired(wait=wait):
                told = Story(told.done, told.opened, told.answered | {int(wait[1:])})
            case _:
                pass
    return told


@functools.cache
def records(slot: int) -> tuple[Record, ...]:
    """Return the records of a slot."""
    return SLOTS[slot].records


def ends(slot: int) -> bool:
    """Whether the writer of this slot exits after it."""
    return isinstance(records(slot)[-1], journal.Parked | journal.Failed | journal.Completed | journal.Cancelled)


@functools.cache
def text(slot: int) -> str:
    """Return the slot in words, for a trace."""
    return " + ".join(
        f"{record.kind} {getattr(record, 'wait', getattr(record, 'call', ''))}".strip().upper()
        for record in records(slot)
    )


def opens(wait: int, scenario: Scenario) -> journal.WaitOpened:
    """Return the record that opens a wait."""
    deadline = DEADLINE if wait in scenario.deadline else None
    return journal.WaitOpened(
        wait=f"w{wait}", name=f"w{wait}", scope="", occurrence=0, at=NOW, metadata=NOTHING, deadline=deadline
    )


def returned(call: str) -> journal.Returned:
    """Return the record of a checkpoint's result."""
    return journal.Returned(call=call, value=DONE, at=NOW, logged=NOTHING)


def decision(request: int, scenario: Scenario, at: datetime = NOW) -> Answer | Abort | Expiry:
    """Return what `answers/<w>` holds for a request's number."""
    if request == EXPIRED:
        return Expiry(at=NOW)
    if scenario.requests[request - 1] < 0:
        return Abort(request=str(request), at=at)
    return Answer(request=str(request), value=request, at=at)
