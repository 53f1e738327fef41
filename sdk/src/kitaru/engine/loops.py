"""The event loop of an attempt: it knows when its body can only go on after an answer.

In an async body nothing is raised to suspend it: a wait's future stays pending, and the attempt
ends from outside once the loop would block without a timeout while no call runs, no file of the
body is registered and no executor job is out. A timer of the body keeps it alive.
"""

from __future__ import annotations

import asyncio
import contextvars
import selectors
import threading
from collections.abc import Callable, Coroutine, Generator
from collections.abc import Set as AbstractSet
from concurrent.futures import Executor
from contextvars import Context
from functools import partial
from typing import Final, TypeAlias, TypeVar, TypeVarTuple

from kitaru.core.capture import Capture
from kitaru.core.journal import Record
from kitaru.core.tagged import UserValue
from kitaru.engine import context, endings, resting
from kitaru.engine.context import Scope
from kitaru.engine.resting import Rest
from kitaru.engine.run import Attempt, Run
from kitaru.engine.work import Ended
from kitaru.errors import Cancelled, Fenced, Suspended

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

#: Seconds that cancelled tasks have to end: a body that refuses to is left behind.
_GRACE: Final = 5.0
#: What the loop asks before it blocks: given its timeout and the number of files, for how long.
_Before: TypeAlias = Callable[[float | None, int], float | None]


class _Selector(selectors.DefaultSelector):
    """A selector that asks before it blocks."""

    def __init__(self, before: _Before) -> None:
        super().__init__()
        self._before = before

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        return super().select(self._before(timeout, len(self.get_map())))


class AttemptLoop(asyncio.SelectorEventLoop):
    """An event loop that rests as the protocol asks when its body can only go on after an answer."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._jobs = 0
        self._rest = Rest(run)
        self._looked = run.attempt.world.clock.monotonic()
        watched = _Selector(self._before_block)
        super().__init__(watched)
        #: The loop's own files, by which its threads wake it.
        self._own = len(watched.get_map())

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Run a function in a thread, and count it while it is out."""
        future = super().run_in_executor(executor, func, *args)
        self._jobs += 1
        future.add_done_callback(self._job_done)
        return future

    def _job_done(self, _: object) -> None:
        self._jobs -= 1

    def _before_block(self, timeout: float | None, files: int) -> float | None:
        run = self._run
        if not run.pending:
            return timeout
        quiet = timeout is None and files == self._own and not self._jobs and not run.running
        with Capture(Suspended, Cancelled, Fenced) as caught:
            if quiet:
                self._rest.step()
                return 0
            self._rest = Rest(run)
            self._look()
        if caught.error is not None:
            self.stop()
            return 0
        return resting.LOOK if timeout is None else min(timeout, resting.LOOK)

    def _look(self) -> None:
        now = self._run.attempt.world.clock.monotonic()
        if now - self._looked >= resting.LOOK:
            self._looked = now
            resting.look(self._run)


def run_body(run: Run, function: Callable[[], Coroutine[object, object, UserValue]]) -> UserValue:
    """Run an async body to its end, or until its attempt ends. Raises what the body raised."""
    attempt = run.attempt
    loop = AttemptLoop(run)
    run.loop = loop
    loop.set_task_factory(partial(_task, run))
    loop.set_exception_handler(partial(_report, attempt))
    attempt.wake = partial(_stop_soon, loop)
    try:
        return _run_main(run, loop, function)
    finally:
        attempt.wake = run.notify
        run.over = True
        _clean_up(attempt, loop)


def _run_main(run: Run, loop: AttemptLoop, function: Callable[[], Coroutine[object, object, UserValue]]) -> UserValue:
    attempt = run.attempt
    copied = context.enter(contextvars.copy_context(), Scope(run))
    main = asyncio.Task(_main(function), loop=loop, context=copied)
    main.add_done_callback(_stop)
    if attempt.ending is None:
        loop.run_forever()
    main.remove_done_callback(_stop)
    run.over = True
    run.pending.clear()
    if not main.done():
        attempt.check()
    _cancel(attempt, loop, asyncio.all_tasks(loop) - run.tasks)
    # Submitted calls end with the body, also those that nobody waits for.
    _complete(loop, _submitted(run))
    return main.result().deliver()


async def _main(function: Callable[[], Coroutine[object, object, UserValue]]) -> Ended:
    """Run the body; what it raises is a value, also what would end the loop, like SystemExit."""
    ended = Ended()
    with Capture(BaseException) as caught:
        ended.value = await function()
    ended.error = caught.error
    return ended


def _stop(main: asyncio.Task[Ended]) -> None:
    main.get_loop().stop()


async def _submitted(run: Run) -> None:
    while run.submitted and run.attempt.ending is None:
        await asyncio.get_running_loop().run_in_executor(None, run.await_change, resting.LOOK)


def _clean_up(attempt: Attempt, loop: asyncio.AbstractEventLoop) -> None:
    """End all that is left, in whose clean-up Kitaru calls are refused."""
    _cancel(attempt, loop, asyncio.all_tasks(loop))
    _complete(loop, loop.shutdown_asyncgens())
    loop.close()


def _cancel(attempt: Attempt, loop: asyncio.AbstractEventLoop, tasks: AbstractSet[asyncio.Task[UserValue]]) -> None:
    """Cancel the tasks, and let them have some time to end; those that go on are reported and left behind."""
    for task in tasks:
        task.cancel()
    if tasks:
        _complete(loop, asyncio.wait(tasks, timeout=_GRACE))
    left = sum(not task.done() for task in tasks)
    if left:
        attempt.lines.swallowed(f"flow {attempt.job.flow.name}", "asyncio.CancelledError", f"left {left} tasks behind")


def _complete(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[object, object, object]) -> None:
    """Run the coroutine to its end, also when somebody's late wish stops the loop on the way."""
    task = asyncio.Task(coroutine, loop=loop)
    task.add_done_callback(lambda _: loop.stop())
    while not task.done():
        loop.run_forever()


def spawn(run: Run, coroutine: Coroutine[object, object, None]) -> None:
    """Run a call's coroutine on the attempt's loop, from whichever thread."""
    copied = contextvars.copy_context()
    loop = run.loop or _side(run)
    loop.call_soon_threadsafe(partial(_spawn, run, loop, coroutine, copied))


def _spawn(
    run: Run,
    loop: asyncio.AbstractEventLoop,
    coroutine: Coroutine[object, object, None],
    copied: Context,
) -> None:
    task = asyncio.Task(coroutine, loop=loop, context=copied)
    run.tasks.add(task)
    task.add_done_callback(run.tasks.discard)


async def committed(attempt: Attempt, record: Record) -> None:
    """Commit the record without blocking the loop; else as `Attempt.commit`."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[BaseException | None] = loop.create_future()

    def done(error: BaseException | None) -> None:
        with Capture(RuntimeError):
            # The loop may be closed: its attempt is over.
            loop.call_soon_threadsafe(_settle, waiter, error)

    attempt.commits.submit([record], done)
    error = await waiter
    if error is not None:
        attempt.end(endings.lost(error))
        attempt.check()


def close_side(run: Run) -> None:
    """End the thread that ran async calls for a `def` body."""
    if run.side is not None:
        run.side.call_soon_threadsafe(run.side.stop)


def _side(run: Run) -> asyncio.AbstractEventLoop:
    with run.changed:
        if run.side is None:
            run.side = asyncio.new_event_loop()
            thread = threading.Thread(target=_serve, args=(run.attempt, run.side), name="kitaru-loop", daemon=True)
            thread.start()
        return run.side


def _serve(attempt: Attempt, loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    _clean_up(attempt, loop)


def _task(
    run: Run,
    loop: asyncio.AbstractEventLoop,
    coroutine: Coroutine[UserValue, UserValue, T] | Generator[UserValue, None, T],
    **options: UserValue,
) -> asyncio.Task[T]:
    """Make a task of the user's; one that the body makes is a strand of it, with its own scope."""
    place = context.current()
    if isinstance(place, Scope) and place.run is run:
        run.concurrent = True
        copied = options.pop("context", None) or contextvars.copy_context()
        options["context"] = context.enter(copied, place.child())
    return asyncio.Task(coroutine, loop=loop, **options)


def _settle(waiter: asyncio.Future[BaseException | None], error: BaseException | None) -> None:
    if not waiter.done():
        waiter.set_result(error)


def _stop_soon(loop: asyncio.AbstractEventLoop) -> None:
    with Capture(RuntimeError):
        # The loop may be closed already.
        loop.call_soon_threadsafe(loop.stop)


def _report(attempt: Attempt, loop: asyncio.AbstractEventLoop, report: dict[str, UserValue]) -> None:
    """Pass over tasks that ended because their attempt did: nobody will ask for their exceptions."""
    if attempt.ending is None:
        loop.default_exception_handler(report)
