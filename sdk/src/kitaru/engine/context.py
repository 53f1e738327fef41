"""Where the running code stands: outside, in a flow's body, or in a checkpoint."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias

from pydantic import JsonValue

from kitaru.core.capture import Capture
from kitaru.core.history import Call, Place
from kitaru.core.journal import Saved
from kitaru.core.values import Encoded
from kitaru.engine.run import Run
from kitaru.errors import KitaruContextError


class Where(Enum):
    """Which rules hold for the running code."""

    OUTSIDE = "outside"
    BODY = "in a flow's body"
    CHECKPOINT = "in a checkpoint"


@dataclass(slots=True, eq=False)
class Scope:
    """One strand of a body: the body itself, or a task it made. It runs one thing at a time.

    `path` says how it came about: ``""`` is the body, ``"2"`` the second task it made, ``"2.1"``
    the first task of that one. Two attempts give the same strand the same path.
    """

    run: Run
    path: str = ""
    _tasks: int = 0
    _counts: dict[str, int] = field(default_factory=dict[str, int])

    def child(self) -> Scope:
        """Return the scope of the next task."""
        self._tasks += 1
        return Scope(self.run, f"{self.path}.{self._tasks}" if self.path else str(self._tasks))

    def place(self, name: str) -> Place:
        """Return the place of the next thing of this name."""
        self._counts[name] = self._counts.get(name, 0) + 1
        return Place(scope=self.path, name=name, occurrence=self._counts[name])


def _counting() -> Iterator[int]:
    return itertools.count(1)


@dataclass(slots=True, eq=False)
class Frame:
    """One try of one call, what its function saved and logged, and the numbers of what it publishes."""

    run: Run
    call: Call
    number: int
    saved: list[tuple[Saved, Encoded]] = field(default_factory=list[tuple[Saved, Encoded]])
    logged: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    published: Iterator[int] = field(default_factory=_counting)
    #: What a Kitaru call of the function raised because it was to end; None while it was not told so.
    told: BaseException | None = None
    _given_up: BaseException | None = None

    def give_up(self, why: BaseException) -> None:
        """Let the function run on without any effect: each of its Kitaru calls raises `why`."""
        self._given_up = why

    def check(self) -> None:
        """Raise what the function is told when it may make no Kitaru call any more."""
        if self._given_up is not None:
            self.told = self._given_up
            raise self._given_up
        with Capture(BaseException) as caught:
            self.run.attempt.check()
        if caught.error is not None:
            self.told = caught.error
            raise caught.error


Current: TypeAlias = Scope | Frame

_CURRENT: Final[ContextVar[Current | None]] = ContextVar("kitaru_current", default=None)


def current() -> Current | None:
    """Return where the running code stands, without judging the thread."""
    return _CURRENT.get()


def where() -> Where:
    """Return which rules hold for the running code."""
    match _CURRENT.get():
        case Scope():
            return Where.BODY
        case Frame():
            return Where.CHECKPOINT
        case None:
            return Where.OUTSIDE


@contextmanager
def entered(place: Current) -> Generator[None]:
    """Within the block, the running code stands at `place`."""
    token = _CURRENT.set(place)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def enter(context: Context, place: Current) -> Context:
    """Return the context, in which code stands at `place` from now on."""
    context.run(_CURRENT.set, place)
    return context


def scope(outside: str, inside: str) -> Scope:
    """Return the body's scope. Raises `KitaruContextError` with `outside` or `inside` elsewhere."""
    found = _CURRENT.get()
    if isinstance(found, Frame):
        raise KitaruContextError(inside)
    if found is None or not found.run.is_here():
        message = f"{outside} {_THREADS}"
        raise KitaruContextError(message)
    found.run.check()
    return found


def frame(message: str) -> Frame:
    """Return the running call. Raises `KitaruContextError` outside of checkpoints, and as `Frame.check`."""
    found = _CURRENT.get()
    if isinstance(found, Frame):
        found.check()
        return found
    raise KitaruContextError(message if found is not None else lost(message))


def lost(message: str) -> str:
    """Return the message with what helps code that does not know where it stands."""
    return f"{message} {_COPIED}"


_COPIED: Final = "A thread of your own in a checkpoint has to run in contextvars.copy_context() to know where it is."
_THREADS: Final = "In threads or event loops of your own, Kitaru cannot follow: use .submit(...), or an async flow."
