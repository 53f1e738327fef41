"""The runner makes the attempts of a replay by the frozen spec."""

from __future__ import annotations

import kitaru
from kitaru.backends.log import ObjectJournal
from kitaru.backends.memory import EPOCH, SequentialIds
from kitaru.backends.values import ObjectArtifacts, ObjectHistories
from kitaru.core import paths
from kitaru.core.protocol.writer import Identity
from kitaru.core.spec import Spec
from kitaru.engine.staying import Polling
from kitaru.engine.world import Completed, World
from kitaru_runner import process
from tests.laws.kit import Bench

RAN: list[str] = []


@kitaru.checkpoint
def research(topic: str) -> str:
    """The first step."""
    RAN.append("research")
    return f"notes on {topic}"


@kitaru.checkpoint
def write(notes: str) -> str:
    """The second."""
    RAN.append("write")
    return f"draft of {notes}"


def body(topic: str) -> str:
    """Two steps."""
    return write(research(topic))


pipeline = kitaru.flow(body)


def world(bench: Bench) -> World:
    """Return the ports of the bench's first attempt."""
    ids = SequentialIds(1)
    return World(
        journal=ObjectJournal(
            bench.store, bench.paths, Identity(epoch=1, writer=ids.new(), allowance=0), bench.clock, width=1
        ),
        artifacts=ObjectArtifacts(bench.store, bench.paths),
        histories=ObjectHistories(bench.store, lambda one: paths.execution("", "test", one)),
        telemetry=bench.lines,
        clock=bench.clock,
        ids=ids,
        stay=Polling(bench.clock),
    )


def test_a_spec_with_a_replay_is_replayed() -> None:
    """What comes before is copied, and does not run."""
    source = Bench(body, {"topic": "cats"})
    source.attempt()
    RAN.clear()
    bench = source.replayed("write")
    spec = Spec(
        namespace="test",
        name=bench.id,
        uid=bench.id,
        flow="body",
        entrypoint=f"{__name__}:pipeline",
        created_at=EPOCH,
        inputs={"topic": "cats"},
        replay=bench.replay,
    )
    outcome = process.run(world(bench), spec)
    assert isinstance(outcome, Completed), outcome
    assert outcome.value.data == "draft of notes on cats"
    assert RAN == ["write"]
