"""The tries of one call: how its function runs, for how long at most, and the pauses between tries."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from kitaru.core.capture import Capture
from kitaru.core.definitions import Runtime
from kitaru.core.tagged import UserValue
from kitaru.engine import caching, isolated, loops, work
from kitaru.engine.endings import Reason
from kitaru.engine.isolated import Trial
from kitaru.engine.run import Attempt, Run
from kitaru.engine.work import Conclusion, Ended, Try, Work

#: Seconds that a coroutine has to end once its time limit cancelled it, before it is left behind.
_GRACE: Final = 5.0


def perform(run: Run, doing: Work) -> Ended:
    """Run the call in this thread to its end, committed; of an async checkpoint only an isolated one.

    Raises what the body is told when the attempt ends meanwhile.
    """
    doing.start()
    conclusion = caching.recall(doing) or _tried(run, doing)
    work.upload(run.attempt, conclusion.uploads)
    run.attempt.commit(conclusion.record)
    return conclusion.ended


async def perform_async(run: Run, doing: Work) -> Ended:
    """Run the call on the running loop to its end, committed; else as `perform`."""
    doing.start()
    # In a thread: the cache may be far away, and other tasks of the body run meanwhile.
    found = await asyncio.to_thread(caching.recall, doing) if caching.asks(doing) else None
    conclusion = found or await _tried_async(run, doing)
    if conclusion.uploads:
        await asyncio.to_thread(work.upload, run.attempt, conclusion.uploads)
    await loops.committed(run.attempt, conclusion.record)
    return conclusion.ended


def _tried(run: Run, doing: Work) -> Conclusion:
    pause(run.attempt, doing.rest())
    while True:
        tried = _once(run, doing)
        failed = doing.again(tried)
        if failed is None:
            return doing.conclude(tried)
        run.attempt.commit(failed)
        pause(run.attempt, failed.delay)


async def _tried_async(run: Run, doing: Work) -> Conclusion:
    await _pause_async(run.attempt, doing.rest())
    while True:
        tried = await _once_async(run, doing)
        failed = doing.again(tried)
        if failed is None:
            return doing.conclude(tried)
        await loops.committed(run.attempt, failed)
        await _pause_async(run.attempt, failed.delay)


def pause(attempt: Attempt, seconds: float) -> None:
    """Return after so long. Raises what the body is told as soon as the attempt ends."""
    if seconds <= 0:
        return
    over = threading.Event()
    leave = attempt.on_end(over.set)
    cancel = attempt.world.clock.alarm(seconds, over.set, asleep=True)
    over.wait()
    cancel()
    leave()
    attempt.check()


async def _pause_async(attempt: Attempt, seconds: float) -> None:
    """Return after so long, the loop free meanwhile; the end of the attempt cancels it."""
    if seconds <= 0:
        return
    waiter = _Waiter()
    cancel = attempt.world.clock.alarm(seconds, waiter.arrive, asleep=True)
    try:
        await waiter.arrival
    finally:
        cancel()
    attempt.check()


def _once(run: Run, doing: Work) -> Try:
    if doing.runtime is Runtime.ISOLATED:
        return isolated.Trial(run, doing).run()
    if doing.timeout is not None or run.attempt.job.time_limit is not None:
        return _aside(run, doing)
    with doing.once() as tried:
        tried.value = doing.function(*doing.bound.args, **doing.bound.kwargs)
    return tried


def _aside(run: Run, doing: Work) -> Try:
    """Run the function in a thread that can be left behind, when its time or that of the flow is up."""
    attempt, tried = run.attempt, doing.once()
    over, ended = threading.Event(), threading.Event()
    passing = Capture(BaseException)

    def main() -> None:
        with passing, tried:
            tried.value = doing.function(*doing.bound.args, **doing.bound.kwargs)
        ended.set()
        over.set()

    def told() -> None:
        if attempt.ending is not None and attempt.ending.reason is Reason.TIMED_OUT:
            over.set()

    leave = attempt.on_end(told)
    cancel = _alarm(attempt, doing, over.set)
    # A daemon, and not of a pool: nothing waits for it once it was left behind.
    copied = contextvars.copy_context()
    threading.Thread(target=copied.run, args=(main,), name=f"kitaru-try-{doing.call.id}", daemon=True).start()
    over.wait()
    cancel()
    leave()
    if not ended.is_set():
        left = doing.leave(tried)
        attempt.check()
        return left
    if passing.error is not None:
        raise passing.error
    return tried


async def _once_async(run: Run, doing: Work) -> Try:
    if doing.runtime is Runtime.ISOLATED:
        return await _isolated(run, Trial(run, doing))
    if doing.timeout is not None:
        return await _limited(run.attempt, doing)
    with doing.once() as tried:
        made: UserValue = doing.function(*doing.bound.args, **doing.bound.kwargs)
        tried.value = await made
    return tried


async def _isolated(run: Run, trial: Trial) -> Try:
    copied = contextvars.copy_context()
    running = run.pool().submit(copied.run, trial.run)
    try:
        return await asyncio.wrap_future(running)
    except asyncio.CancelledError:
        trial.kill()
        raise


async def _limited(attempt: Attempt, doing: Work) -> Try:
    """Run the coroutine in a task that its time limit cancels, and leaves behind if it goes on nevertheless."""
    tried, over = doing.once(), _Waiter()
    cancel = _alarm(attempt, doing, over.arrive)

    async def main() -> None:
        with tried:
            tried.value = await doing.function(*doing.bound.args, **doing.bound.kwargs)

    task = asyncio.Task(main(), loop=asyncio.get_running_loop())
    task.add_done_callback(_retrieve)
    try:
        await asyncio.wait([task, over.arrival], return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        await _end(attempt, doing, task)
        raise
    finally:
        cancel()
    if task.done():
        await task
        return tried
    left = doing.leave(tried)
    await _end(attempt, doing, task)
    return left


async def _end(attempt: Attempt, doing: Work, task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task], timeout=_GRACE)
    if not task.done():
        attempt.lines.swallowed(f"checkpoint {doing.call.place.name}", "asyncio.CancelledError", "runs on")


def _alarm(attempt: Attempt, doing: Work, ring: Callable[[], None]) -> Callable[[], None]:
    if doing.timeout is None:
        return _nothing
    return attempt.world.clock.alarm(doing.timeout, ring)


class _Waiter:
    """A future of the running loop that any thread may bring."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()

    @property
    def arrival(self) -> asyncio.Future[None]:
        """What to await."""
        return self._future

    def arrive(self) -> None:
        """Let it arrive."""
        with Capture(RuntimeError):
            # The loop may be closed: its attempt is over.
            self._loop.call_soon_threadsafe(partial(_settle, self._future))


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _retrieve(task: asyncio.Task[None]) -> None:
    """Look at what a task left, so that the loop does not report a task that was left behind."""
    if not task.cancelled():
        task.exception()


def _nothing() -> None:
    pass
