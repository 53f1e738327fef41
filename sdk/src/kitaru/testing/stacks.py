"""A local stack of a test's own: nothing of it stays, and nobody has to type an answer."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import pydantic_core
from pydantic import JsonValue

from kitaru import connect
from kitaru.backends import log
from kitaru.connect import LocalStack
from kitaru.core.head import OpenWait
from kitaru.core.phases import Phase
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruError
from kitaru.local.executions import LocalExecutions
from kitaru.local.flows import LocalFlows
from kitaru.local.site import NAME, Given, Site
from kitaru.local.terminal import Terminal
from kitaru.testing.clocks import TurnedClock
from kitaru.testing.journals import Crashes, CrashingJournal, Death

#: An answer, or a function that is given the open wait and returns it.
Reply: TypeAlias = UserValue | Callable[[OpenWait], UserValue]
#: Real seconds for which `.wait()` waits for an answer that some other thread of the test may give.
_PATIENCE: Final = 2.0
_LOOK: Final = 0.05


class UnansweredWaitError(AssertionError):
    """The flow waits for an answer, and nobody gives one: the test would wait for ever."""


@dataclass(slots=True)
class Script:
    """Who answers in a test. Answers to a name are used up one by one, then those that hold for all."""

    always: Mapping[str, Reply] = field(default_factory=dict[str, Reply])
    once: dict[str, deque[Reply]] = field(default_factory=dict[str, deque[Reply]])
    error: KitaruError | None = None

    def answer(self, wait: OpenWait) -> Given | None:
        """Return the answer to an open wait, None when there is none."""
        waiting = self.once.get(wait.name)
        if self.error is not None:
            return None
        if waiting:
            return Given(_json(waiting.popleft(), wait))
        if wait.name in self.always:
            return Given(_json(self.always[wait.name], wait))
        return None

    def refused(self, wait: OpenWait, error: KitaruError) -> None:
        """Keep the error for `.wait()`; nothing is answered any more."""
        del wait
        self.error = error


class _Executions(LocalExecutions):
    """The local executions, whose `.wait()` ends when it would wait for nobody."""

    def __init__(self, site: Site, script: Script) -> None:
        super().__init__(site)
        self._place = site
        self._script = script

    def await_change(self, exec_id: str, timeout: float) -> None:
        """Return when the execution may have changed. Raises `UnansweredWaitError`, or why an answer was refused."""
        clock = self._place.clock
        end = clock.monotonic() + _PATIENCE
        while self.locate(exec_id).phase is Phase.WAITING:
            if self._script.error is not None:
                raise self._script.error
            if clock.monotonic() >= end:
                raise UnansweredWaitError(self._sentence(exec_id))
            if not self._answered(exec_id):
                super().await_change(exec_id, _LOOK)
        super().await_change(exec_id, min(timeout, _PATIENCE))

    def _answered(self, exec_id: str) -> bool:
        """Whether the script answered a wait for which nobody stays any more: it parked, or its process "died"."""
        if self._place.locks.is_held(exec_id):
            return False
        for wait in self._waits(exec_id):
            given = self._script.answer(wait)
            if given is not None:
                self.answer(exec_id, wait.id, given.value)
                return True
        return False

    def _waits(self, exec_id: str) -> tuple[OpenWait, ...]:
        """Return the open waits that nobody answered yet."""
        paths = self.locate(exec_id).paths
        waits = log.read_head(self.store, paths, width=1).waits
        return tuple(one for one in waits if log.read_decision(self.store, paths, one.id) is None)

    def _sentence(self, exec_id: str) -> str:
        names = ", ".join(repr(one.name) for one in self._waits(exec_id))
        return (
            f"Execution {exec_id} waits for an answer to {names}, and this test gives none: "
            "pass memory_stack(answers={...}), or call stack.answer(...)."
        )


@dataclass(frozen=True, slots=True)
class MemoryStack(LocalStack):
    """A local stack that is gone after the test. Give it to `.run(stack=...)` and `KitaruClient(stack)`.

    `clock` is what its flows take for the time of day: `stack.clock.advance(timedelta(days=21))`.
    """

    clock: TurnedClock
    _script: Script
    _crashes: Crashes

    def answer(self, wait: str, *values: Reply) -> None:
        """Answer the next waits of this name, one value each; before any that `answers=` gives.

        A value is JSON or a model, or a function that is called with the open wait (`.name`, `.question`, `.schema`).
        One that does not fit fails the test with `KitaruWaitValidationError` out of `.wait()`.
        """
        self._script.once.setdefault(wait, deque()).extend(values)

    def crash_before(self, call: str) -> None:
        """Have the process "die" before the outcome of this call (its id, such as `research_2`) is durable.

        Its function has run, and runs again when the execution is gone on with: `client.executions.resume(exec_id)`.
        """
        self._crashes.before(call)

    def crash_after(self, call: str) -> None:
        """Have the process "die" right after the outcome of this call is durable: it never runs again."""
        self._crashes.after(call)

    def die(self, death: Death) -> None:
        """Have the process "die" where this function says so, once: it is asked about the records of each commit."""
        self._crashes.deaths.append(death)


@contextmanager
def memory_stack(
    *, answers: Mapping[str, Reply] | None = None, clock: TurnedClock | None = None
) -> Generator[MemoryStack]:
    """Give a stack for the block; nothing of it is forced to the disk, and all of it is removed afterwards.

    `answers` are given to every wait of a name, at once: a value, or a function of the open wait.
    """
    folder = Path(tempfile.mkdtemp(prefix="kitaru-"))
    time, script, crashes = clock or TurnedClock(), Script(answers or {}), Crashes()
    site = replace(
        connect.local_site(folder, lasting=False),
        clock=time,
        user="test",
        # Nobody is asked, also where a test runs in a terminal.
        terminal=Terminal(io.StringIO(), io.StringIO(), shared=_never),
        script=script,
        journaled=partial(CrashingJournal, crashes=crashes),
    )
    executions = _Executions(site, script)
    try:
        yield MemoryStack(NAME, executions, LocalFlows(site), time, script, crashes)
    finally:
        executions.leave()
        shutil.rmtree(folder, ignore_errors=True)


def _never() -> bool:
    return False


def _json(reply: Reply, wait: OpenWait) -> JsonValue:
    value: UserValue = reply(wait) if callable(reply) else reply
    return pydantic_core.to_jsonable_python(value)
