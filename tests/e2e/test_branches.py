"""Concurrent branches that finish in another order on the second attempt."""

import json
from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue

from tests.e2e.support.processes import kill
from tests.e2e.support.space import Space

PAGES: Final[list[JsonValue]] = ["a", "b", "c", "d"]


def test_branches_that_finish_in_another_order_keep_their_results(space: Space) -> None:
    """Of four branches two finish before a crash and two after it, in no order: nothing is swapped or run twice."""
    execution = space.start(space.deploy("branches:digest"), pages=PAGES)
    for page in ("d", "b"):
        space.open_gate(execution, f"fetch-{page}")
        space.await_effect(execution, f"summarize-{page * 2}")
    finished(space, execution, 4)
    kill(space, execution, 1)
    space.await_pod(execution, 2)
    for page in ("c", "a"):
        space.open_gate(execution, f"fetch-{page}")
        space.await_effect(execution, f"summarize-{page * 2}")
    assert result(space, execution) == ["<aa>", "<bb>", "<cc>", "<dd>"]
    assert space.effects(execution) == once(PAGES)


def test_a_worker_pool_that_finishes_in_another_order_keeps_its_results(space: Space) -> None:
    """Whichever page is done lets the next begin, in another order after a crash: nothing is swapped or run twice."""
    pages: list[JsonValue] = [*PAGES, "e", "f"]
    execution = space.start(space.deploy("branches:pool"), pages=pages, width=2)
    for page in ("b", "c", "d"):
        space.open_gate(execution, f"fetch-{page}")
        space.await_effect(execution, f"summarize-{page * 2}")
    finished(space, execution, 6)
    kill(space, execution, 1)
    space.await_pod(execution, 2)
    for page in ("a", "f", "e"):
        space.open_gate(execution, f"fetch-{page}")
    assert result(space, execution) == {page: f"<{page}{page}>" for page in pages}
    assert space.effects(execution) == once(pages)


def finished(space: Space, execution: str, calls: int) -> None:
    """Wait until so many calls are committed."""
    space.until(lambda: space.head(execution).finished >= calls, f"{calls} calls of {execution} to be committed")


def result(space: Space, execution: str) -> object:
    """Wait until the execution completes, and return what its flow returned."""
    space.await_phase(execution, "Completed")
    return json.loads(space.status(execution).result or "")


def once(pages: Sequence[JsonValue]) -> dict[str, int]:
    """Return the effects of a run in which each page is fetched and summarized once."""
    return {effect: 1 for page in pages for effect in (f"fetch-{page}", f"summarize-{page}{page}")}
