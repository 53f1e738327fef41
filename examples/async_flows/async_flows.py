"""Branches side by side, a time limit, a checkpoint that is tried again: python examples/async_flows/async_flows.py.

Prints `summary of a, summary of b, no c in time`.
"""

import asyncio
from datetime import timedelta

import kitaru


@kitaru.checkpoint(timeout=timedelta(seconds=2))
async def fetch(page: str) -> str:
    """Fetch a page; the server of page c never answers."""
    await asyncio.sleep(0.1 if page != "c" else 60)
    return f"page {page}"


@kitaru.checkpoint(retries=kitaru.Retry(limit=2, delay=0.05, retry_on=ConnectionError))
async def summarize(text: str) -> str:
    """Say it in fewer words, at the second try."""
    if kitaru.current_call().number == 1:
        message = "The line is bad."
        raise ConnectionError(message)
    return text.replace("page", "summary of")


async def branch(page: str) -> str:
    """Two checkpoints in a row; the branches do not wait for each other."""
    try:
        return await summarize(await fetch(page))
    except TimeoutError:
        return f"no {page} in time"


@kitaru.flow
async def digest(pages: list[str]) -> str:
    """Summarize all pages at once."""
    async with asyncio.TaskGroup() as group:
        branches = [group.create_task(branch(page)) for page in pages]
    return ", ".join(one.result() for one in branches)


if __name__ == "__main__":
    print(digest.run(["a", "b", "c"]).wait())
