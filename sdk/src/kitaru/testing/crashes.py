"""Every crash that a flow can meet between two of its commits, one after the other."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kitaru import connect
from kitaru.client import KitaruClient
from kitaru.core.journal import Record, Returned
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruExecutionError
from kitaru.flows import Flow
from kitaru.handles import FlowHandle
from kitaru.testing.stacks import MemoryStack, Reply, memory_stack

#: More commits than this make a test of hours.
_MOST: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashReport:
    """What was tried.

    `result` is what the flow returns undisturbed, `commits` how often it then writes its journal, and `crashes` how
    often it was made to die: before and after each of those writes.
    """

    result: UserValue
    commits: int
    crashes: int


@dataclass(slots=True)
class _Death:
    """Counts an execution's commits, and lets the process die at one of them."""

    at: int | None = None
    after: bool = False
    commits: int = 0
    happened: bool = False

    def __call__(self, _: Sequence[Record]) -> bool | None:
        number = self.commits
        self.commits += 1
        if number != self.at or self.happened:
            return None
        self.happened = True
        return self.after


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of an execution: a value, or an exception's type and message."""

    value: UserValue = None
    raised: str | None = None


def crash_everywhere(
    flow: Flow[UserValue], *args: UserValue, answers: Mapping[str, Reply] | None = None, **inputs: UserValue
) -> CrashReport:
    """Run the flow undisturbed, then let it die before and after each of its commits, and go on with it every time.

    `answers` is what `memory_stack` takes. A flow that fails must fail alike. Raises `AssertionError`, with the crash,
    when an outcome differs from the undisturbed one or a finished call ran again. Effects outside are yours to count: a
    call that had not finished when the process died runs again.
    """
    counted = _Death()
    with memory_stack(answers=answers) as stack:
        stack.die(counted)
        expected = _outcome(stack, flow.run(*args, stack=stack, **inputs), counted)
    if counted.commits > _MOST:
        message = f"{flow.__name__} commits {counted.commits} times: crash it with smaller inputs."
        raise AssertionError(message)
    for number, after in itertools.product(range(counted.commits), (False, True)):
        death = _Death(number, after)
        with memory_stack(answers=answers) as stack:
            stack.die(death)
            found = _outcome(stack, flow.run(*args, stack=stack, **inputs), death)
        if found != expected:
            where = "after" if after else "before"
            message = f"A crash {where} commit {number} of {flow.__name__} gave {found} in place of {expected}."
            raise AssertionError(message)
    return CrashReport(result=expected.value, commits=counted.commits, crashes=2 * counted.commits)


def _outcome(stack: MemoryStack, handle: FlowHandle[UserValue], death: _Death) -> _Outcome:
    """Wait for the end of the execution, going on with it once after its death."""
    gone_on = False
    while True:
        try:
            value = handle.wait()
        except KitaruExecutionError as error:
            if death.happened and not gone_on:
                gone_on = True
                KitaruClient(stack).executions.retry(handle.exec_id)
                continue
            cause = error.__cause__ or error
            return _Outcome(raised=f"{type(cause).__name__}: {cause}" if error.__cause__ else str(error.status))
        _check(stack, handle)
        return _Outcome(value)


def _check(stack: MemoryStack, handle: FlowHandle[UserValue]) -> None:
    located = stack.executions.locate(handle.exec_id)
    records = (record for slot in connect.read_slots(stack, located) for record in slot.records)
    returned = Counter(record.call for record in records if isinstance(record, Returned))
    twice = [call for call, count in returned.items() if count > 1]
    if twice:
        message = f"The finished call {twice[0]} ran again."
        raise AssertionError(message)
