"""The checkpoints of generated flows."""

from __future__ import annotations

import asyncio
import threading

from kitaru.checkpoints import checkpoint, current_call
from kitaru.core.retrying import Retry
from tests.laws.kit import affect, pass_time, turns


class RefusedError(Exception):
    """What a failing checkpoint raises; its constructor takes what an exception's usually does not."""

    def __init__(self, key: int, *, why: str) -> None:
        super().__init__(f"{key}: {why}")
        self.key = key


@checkpoint
def effect(key: int) -> int:
    """Do it, and say what came of it."""
    affect("effect", key)
    return key * 7


@checkpoint
def refuse(key: int) -> int:
    """Do it, and fail."""
    affect("refuse", key)
    raise RefusedError(key, why="no")


@checkpoint(retries=3)
def stumble(key: int, times: int) -> int:
    """Fail a few times, then do it."""
    affect("stumble", key)
    if current_call().number <= times:
        raise RefusedError(key, why="not yet")
    return key * 7


@checkpoint(retries=Retry(3, delay=2, jitter=0.5, retry_on=RefusedError), timeout=10_000)
def persevere(key: int, times: int) -> int:
    """Fail a few times, then do it, with pauses and within a time limit."""
    affect("persevere", key)
    if current_call().number <= times:
        raise RefusedError(key, why="not yet")
    return key * 7


@checkpoint(retries=Retry(3, delay=2, jitter=0.5, retry_on=RefusedError), timeout=10_000)
async def persevere_async(key: int, times: int) -> int:
    """Fail a few times, then do it, with pauses and within a time limit."""
    for _ in range(turns()):
        await asyncio.sleep(0)
    affect("persevere_async", key)
    if current_call().number <= times:
        raise RefusedError(key, why="not yet")
    return key * 7


@checkpoint(timeout=5)
def late(key: int) -> int:
    """Take too long, until it is told that it was given up."""
    pass_time(5)
    while current_call().number:
        threading.Event().wait(0.001)
    return key


@checkpoint(timeout=5)
async def late_async(key: int) -> int:
    """Take too long."""
    pass_time(5)
    await asyncio.Event().wait()
    return key


@checkpoint
async def effect_async(key: int) -> int:
    """Do it in a few turns of the loop."""
    for _ in range(turns()):
        await asyncio.sleep(0)
    affect("effect_async", key)
    for _ in range(turns()):
        await asyncio.sleep(0)
    return key * 7


@checkpoint
async def refuse_async(key: int) -> int:
    """Take a few turns, and fail."""
    for _ in range(turns()):
        await asyncio.sleep(0)
    affect("refuse_async", key)
    raise RefusedError(key, why="no")
