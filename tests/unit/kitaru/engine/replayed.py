"""What the tests of replays share: steps of flows, and what became of their calls."""

from __future__ import annotations

import asyncio

from pydantic import JsonValue

from kitaru.artifacts import save
from kitaru.checkpoints import checkpoint
from kitaru.core.history import Call
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Completed, Outcome
from kitaru.logs import log
from tests.laws.kit import Bench, affect


class RefusedError(Exception):
    """What a checkpoint raises here."""


@checkpoint
def research(topic: str) -> str:
    """Save and log something, too."""
    affect("research", len(topic))
    save("sources", [topic], type="context", tags=["a"])
    log(length=len(topic))
    return f"notes on {topic}"


@checkpoint
def outline(notes: str) -> str:
    """Another step."""
    affect("outline", len(notes))
    return f"outline of {notes}"


@checkpoint
def write(notes: str) -> str:
    """The step that most of these tests replay from."""
    affect("write", len(notes))
    return f"draft of {notes}"


def pipeline(topic: str) -> str:
    """Three steps, one after the other."""
    return write(outline(research(topic)))


def call(bench: Bench, name: str) -> Call:
    """Return the call of this id."""
    return bench.history().calls[name]


def reused(bench: Bench) -> dict[str, str | None]:
    """Return how each call got its outcome, None if its function ran."""
    found: dict[str, str | None] = {}
    for one in bench.history().calls.values():
        assert one.outcome is not None
        found[one.id] = None if one.outcome.reused is None else one.outcome.reused.how
    return found


def effects(bench: Bench) -> list[str]:
    """Return the checkpoints that ran, in order."""
    return [one.name for one in bench.effects]


def run(bench: Bench) -> UserValue:
    """Return what the flow returned, in one attempt."""
    return returned(bench.attempt())


def returned(outcome: Outcome | None) -> UserValue:
    """Return what the flow returned."""
    assert isinstance(outcome, Completed), outcome
    return outcome.value.data


def source(flow: UserValue = pipeline, **inputs: JsonValue) -> Bench:
    """Return an execution that was run once."""
    bench = Bench(flow, inputs or {"topic": "cats"})
    bench.attempt()
    return bench


@checkpoint
async def noted(text: str) -> str:
    """A step of a task."""
    affect("noted", len(text))
    await asyncio.sleep(0)
    return f"{text}!"
