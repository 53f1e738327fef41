"""Async flows whose branches finish in the order that a test chooses."""

import asyncio
from collections import deque

import kitaru
from tests.e2e.flows import effects


@kitaru.checkpoint
async def fetch(page: str) -> str:
    """Fetch a page, once the test lets it."""
    await asyncio.to_thread(effects.pass_gate, f"fetch-{page}")
    effects.happen(f"fetch-{page}")
    return page * 2


@kitaru.checkpoint
async def summarize(text: str) -> str:
    """Put it in brackets."""
    effects.happen(f"summarize-{text}")
    return f"<{text}>"


async def branch(page: str) -> str:
    """Two calls in a row; branches do not wait for each other."""
    return await summarize(await fetch(page))


@kitaru.flow
async def digest(pages: list[str]) -> list[str]:
    """All pages at once."""
    return list(await asyncio.gather(*(branch(page) for page in pages)))


@kitaru.flow
async def pool(pages: list[str], width: int) -> dict[str, str]:
    """A pool of workers: whichever page is done first lets the next one begin."""
    left, running = deque(pages), set[asyncio.Task[str]]()
    results: dict[str, str] = {}
    names: dict[asyncio.Task[str], str] = {}
    while left or running:
        while left and len(running) < width:
            page = left.popleft()
            task = asyncio.create_task(branch(page))
            names[task] = page
            running.add(task)
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        results |= {names[task]: task.result() for task in done}
    return results
