"""The hands of the work queue: as many passes at once as allowed, one a key."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Coroutine
from typing import Generic, TypeVar

from kitaru.errors import KitaruError
from kitaru_operator.schedule import Schedule

K = TypeVar("K")
_LOG = logging.getLogger(__name__)


class WorkQueue(Generic[K]):
    """Keys in, passes out. To be used from one event loop, whose clock it goes by."""

    def __init__(self, schedule: Schedule[K], hands: int) -> None:
        self._schedule = schedule
        self._hands = hands
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        """Return how many keys are ready or worked on."""
        return len(self._schedule)

    def add(self, key: K, after: float = 0.0) -> None:
        """Have the key worked on, `after` seconds from now at the latest."""
        if after > 0:
            self._schedule.add_at(key, asyncio.get_running_loop().time() + after)
        else:
            self._schedule.add(key)
        self._wake.set()

    async def run(self, work: Callable[[K], Coroutine[None, None, float | None]]) -> None:
        """Work until cancelled. `work` returns in how many seconds it wants to look at the key again, if at all."""
        loop = asyncio.get_running_loop()
        free = asyncio.Semaphore(self._hands)
        tasks: set[asyncio.Task[float | None]] = set()
        while True:
            await free.acquire()
            key = self._schedule.take(loop.time())
            if key is None:
                free.release()
                await self._sleep(loop.time())
                continue
            task = asyncio.create_task(work(key))
            tasks.add(task)
            task.add_done_callback(functools.partial(self._finished, key))
            task.add_done_callback(tasks.discard)
            task.add_done_callback(lambda _: free.release())

    async def _sleep(self, now: float) -> None:
        due = self._schedule.next_due()
        try:
            async with asyncio.timeout(None if due is None else max(0.0, due - now)):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    def _finished(self, key: K, task: asyncio.Task[float | None]) -> None:
        """Put the key down. No error of one key may stop the work on all the others."""
        now = asyncio.get_running_loop().time()
        self._wake.set()
        if task.cancelled():
            self._schedule.done(key)
            return
        error = task.exception()
        if error is None:
            again = task.result()
            self._schedule.done(key, None if again is None else now + again)
            return
        delay = self._schedule.failed(key, now)
        known = isinstance(error, KitaruError)
        _LOG.log(
            logging.WARNING if known else logging.ERROR,
            "pass failed, comes again",
            exc_info=None if known else error,
            extra={"key": str(key), "error": str(error), "delay": round(delay, 3)},
        )
