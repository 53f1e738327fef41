"""An async flow whose branches run side by side: python async_branches.py.

Prints `summary of a, summary of b`.
"""

import asyncio

import kitaru


@kitaru.checkpoint
async def fetch(page: str) -> str:
    """Fetch a page."""
    await asyncio.sleep(0.1)
    return f"page {page}"


@kitaru.checkpoint
async def summarize(text: str) -> str:
    """Say it in fewer words."""
    return text.replace("page", "summary of")


async def branch(page: str) -> str:
    """Two checkpoints in a row; the branches do not wait for each other."""
    return await summarize(await fetch(page))


@kitaru.flow
async def digest(pages: list[str]) -> str:
    """Summarize all pages at once."""
    return ", ".join(await asyncio.gather(*(branch(page) for page in pages)))


if __name__ == "__main__":
    print(digest.run(["a", "b"]).wait())
