"""The hands of the work queue: as many passes at once as allowed, one a key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
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

    def add(self, key: K, after: float = 0.0) -> None:
        """Have the key worked on, `after` seconds from now at the latest."""
        if after > 0:
            self._schedule.add_at(key, asyncio.get_running_loop().time() + after)
        else:
            self._schedule.add(key)
        self._wake.set()

    async def run(self, work: Callable[[K], Awaitable[float | None]]) -> None:
        """Work until cancelled. `work` returns in how many seconds it wants to look at the key again, if at all."""
        loop = asyncio.get_running_loop()
        free = asyncio.Semaphore(self._hands)
        async with asyncio.TaskGroup() as tasks:
            while True:
                await free.acquire()
                key = self._schedule.take(loop.time())
                if key is None:
                    free.release()
                    await self._sleep(loop.time())
                else:
                    task = tasks.create_task(self._work(key, work))
                    task.add_done_callback(lambda _: (free.release(), self._wake.set()))

    async def _sleep(self, now: float) -> None:
        due = self._schedule.next_due()
        try:
            async with asyncio.timeout(None if due is None else max(0.0, due - now)):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _work(self, key: K, work: Callable[[K], Awaitable[float | None]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            again = await work(key)
        except KitaruError as error:
            delay = self._schedule.failed(key, loop.time())
            _LOG.warning(
                "pass failed, comes again",
                extra={"key": str(key), "error": str(error), "code": error.code, "delay": delay},
            )
        else:
            self._schedule.done(key, None if again is None else loop.time() + again)
