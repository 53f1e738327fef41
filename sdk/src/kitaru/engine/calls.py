"""The ways to make a call: directly, awaited, or submitted."""

from __future__ import annotations

import concurrent.futures
import contextvars
import dataclasses
import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kitaru.core import classes, names
from kitaru.core.capture import Capture
from kitaru.core.definitions import CheckpointDefinition
from kitaru.core.tagged import UserValue
from kitaru.engine import context, loops, trying, work
from kitaru.engine.context import Scope
from kitaru.engine.futures import Future, FutureList
from kitaru.engine.run import Run
from kitaru.engine.work import Ended, Request, Work
from kitaru.errors import KitaruContextError, KitaruUsageError

#: Where futures are looked for, one inside the other: no further, or each call would cost a walk.
_GROUPS: Final = (list, tuple, FutureList)
_NESTED: Final = (
    "Nested checkpoint calls are not supported: call the checkpoint from the flow's body, or its "
    "plain function from here."
)
_OUTSIDE: Final = "Checkpoints can only run inside a @flow."
_SUBMIT_OUTSIDE: Final = "Concurrent checkpoint execution is only available inside a running @flow."


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What a call is made with. Futures among the arguments stand for their results.

    `id` is the call's id by the user's will; `after` are futures that the call waits for only.
    """

    args: Sequence[UserValue]
    kwargs: Mapping[str, UserValue]
    id: str | None = None
    after: Sequence[Future[UserValue]] = ()

    def futures(self) -> list[Future[UserValue]]:
        """Return all futures that have to be done before the call."""
        return [*self.after, *_futures(self.args), *_futures(self.kwargs.values())]

    def decide(self, run: Run, request: Request) -> Ended | Work:
        """Look the call up, its futures done. Raises what a failed one of them raised."""
        for one in self.after:
            one.outcome()
        args = [_resolved(one) for one in self.args]
        kwargs = {name: _resolved(one) for name, one in self.kwargs.items()}
        return work.decide(run, request, args, kwargs)


def call(definition: CheckpointDefinition, arguments: Arguments) -> UserValue:
    """Make the call and return its result: of an async checkpoint, a coroutine that gives it."""
    scope = context.scope(_OUTSIDE, _NESTED)
    if definition.is_async:
        if scope.run.loop is None:
            message = (
                f"{definition.name} is async and this flow is not: call it as "
                f"{definition.name}.submit(...).result(), or make the flow async and await it."
            )
            raise KitaruContextError(message)
        return _call_async(definition, arguments)
    request = _request(scope, definition, arguments)
    for one in arguments.futures():
        one.result()
    found = arguments.decide(scope.run, request)
    if isinstance(found, Ended):
        return found.deliver()
    scope.run.started()
    try:
        ended = trying.perform(scope.run, found)
    finally:
        scope.run.finished()
    scope.run.check()
    return ended.deliver()


async def _call_async(definition: CheckpointDefinition, arguments: Arguments) -> UserValue:
    scope = context.scope(_OUTSIDE, _NESTED)
    request = _request(scope, definition, arguments)
    for one in arguments.futures():
        await one
    found = arguments.decide(scope.run, request)
    if isinstance(found, Ended):
        return found.deliver()
    scope.run.started()
    try:
        ended = await trying.perform_async(scope.run, found)
    finally:
        scope.run.finished()
    scope.run.check()
    return ended.deliver()


def submit(definition: CheckpointDefinition, arguments: Arguments) -> Future[UserValue]:
    """Make the call beside the body, and return its future."""
    scope = context.scope(_SUBMIT_OUTSIDE, _NESTED)
    run = scope.run
    run.concurrent = True
    inner: concurrent.futures.Future[UserValue] = concurrent.futures.Future()
    named: concurrent.futures.Future[str] = concurrent.futures.Future()
    # A call whose argument failed never has an id.
    inner.add_done_callback(lambda _: named.cancel())
    request = dataclasses.replace(_request(scope, definition, arguments), named=named.set_result)
    needs = arguments.futures()
    if not needs:
        _start(run, arguments, request, inner)
    else:
        # Also when all are done: what a failed one raises is the call's outcome, in a replay as in the first run.
        _Gate(len(needs), functools.partial(_start_late, run, arguments, request, inner)).watch(needs)
    return Future(run, inner, named)


class _Gate:
    """Calls a function once, when all of some futures are done."""

    def __init__(self, count: int, opened: Callable[[], None]) -> None:
        self._left = count
        self._opened = opened
        self._lock = threading.Lock()

    def watch(self, futures: Sequence[Future[UserValue]]) -> None:
        for one in futures:
            one.when_done(self._one)

    def _one(self) -> None:
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if last:
            self._opened()


def _start(
    run: Run,
    arguments: Arguments,
    request: Request,
    inner: concurrent.futures.Future[UserValue],
) -> None:
    found = arguments.decide(run, request)
    if isinstance(found, Ended):
        _deliver(inner, found)
        return
    run.started(submitted=True)
    if request.definition.is_async:
        loops.spawn(run, _submitted_async(run, found, inner))
    else:
        copied = contextvars.copy_context()
        run.pool().submit(copied.run, _submitted, run, found, inner)


def _start_late(
    run: Run,
    arguments: Arguments,
    request: Request,
    inner: concurrent.futures.Future[UserValue],
) -> None:
    """Start in whichever thread brought the last argument: what it raises is the call's outcome."""
    with Capture(BaseException) as caught:
        run.attempt.check()
        _start(run, arguments, request, inner)
    if caught.error is not None:
        inner.set_exception(caught.error)


def _submitted(run: Run, doing: Work, inner: concurrent.futures.Future[UserValue]) -> None:
    with Capture(BaseException) as caught:
        _deliver(inner, trying.perform(run, doing))
    if caught.error is not None:
        inner.set_exception(caught.error)
    # Last, so that nobody sees a body at rest whose next step is on its way.
    run.finished(submitted=True)


async def _submitted_async(run: Run, doing: Work, inner: concurrent.futures.Future[UserValue]) -> None:
    with Capture(BaseException) as caught:
        _deliver(inner, await trying.perform_async(run, doing))
    if caught.error is not None:
        inner.set_exception(caught.error)
    run.finished(submitted=True)


def _deliver(inner: concurrent.futures.Future[UserValue], ended: Ended) -> None:
    if ended.error is not None:
        inner.set_exception(ended.error)
    else:
        inner.set_result(ended.value)


def _request(scope: Scope, definition: CheckpointDefinition, arguments: Arguments) -> Request:
    explicit = arguments.id
    if explicit is not None:
        names.check_name("call id", explicit)
    return Request(definition=definition, place=scope.place(definition.name), explicit=explicit)


def _futures(values: Iterable[UserValue], seen: set[int] | None = None) -> Iterator[Future[UserValue]]:
    """Find futures in lists and tuples; each list is looked into once, so one that holds itself has an end."""
    seen = set() if seen is None else seen
    for value in values:
        if isinstance(value, Future):
            yield value
        elif classes.of(value) in _GROUPS and id(value) not in seen:
            seen.add(id(value))
            yield from _futures(value, seen)


def _resolved(value: UserValue, around: tuple[int, ...] = ()) -> UserValue:
    kind = classes.of(value)
    if kind is Future:
        return value.outcome()
    if id(value) in around:
        message = "An argument is a list that holds futures and itself: pass the futures in a list of their own."
        raise KitaruUsageError(message)
    if kind in _GROUPS and any(True for _ in _futures(value)):
        made = [_resolved(one, (*around, id(value))) for one in value]
        return tuple(made) if kind is tuple else made
    return value
