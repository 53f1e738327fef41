"""Replays across processes: without the flow a worker makes them, and one that died goes on as the replay."""

import signal

from kitaru.client import ExecutionStatus, KitaruClient
from tests.integration.local.programs import HELPERS, PATIENCE, Place, until

FLOWS = f"""{HELPERS}
@kitaru.checkpoint(cache=False)
def research(topic):
    leave("research")
    return f"notes on {{topic}}"

@kitaru.checkpoint(cache=False)
def outline(notes):
    leave("outline")
    hold("outline")
    return f"outline of {{notes}}"

@kitaru.checkpoint(cache=False)
def write(outline):
    leave("write")
    return f"draft of {{outline}}"

@kitaru.flow
def pipeline(topic: str = "cats"):
    return write(outline(research(topic)))
"""
START = "import flows; handle = flows.pipeline.run(); handle.wait(); print(handle.exec_id)"


def test_a_worker_replays_what_nobody_has_loaded(place: Place, client: KitaruClient) -> None:
    """The code runs in a process of its own, and what comes before is copied."""
    place.has(FLOWS)
    place.allow("outline")
    exec_id = place.run(START)
    replayed = client.executions.replay(exec_id, from_="write", overrides={"checkpoint.outline": "other"})
    assert client.executions.handle(replayed.exec_id).wait() == "draft of other"
    assert (place.effects("research"), place.effects("outline"), place.effects("write")) == (1, 1, 2)
    kinds = [one.reused for one in client.executions.get(replayed.exec_id).checkpoints]
    assert kinds == ["replay", "override", None]


def test_a_worker_replays_with_another_input(place: Place, client: KitaruClient) -> None:
    """As JSON, which the flow's own signature reads in the worker."""
    place.has(FLOWS)
    place.allow("outline")
    exec_id = place.run(START)
    replayed = client.executions.replay(exec_id, from_="write", topic="dogs")
    assert client.executions.handle(replayed.exec_id).wait() == "draft of outline of notes on dogs"
    assert place.effects("research") == 2


def test_a_replay_whose_process_was_killed_goes_on_as_the_replay(place: Place, client: KitaruClient) -> None:
    """SIGKILL while a call runs; a retry copies the rest anew and runs that call again."""
    place.has(FLOWS)
    place.allow("outline")
    exec_id = place.run(START)
    (place.folder / "allowed-outline").unlink()
    program = "import flows, sys; print(flows.pipeline.replay(sys.argv[1], from_='outline').exec_id)"
    with place.start(program, exec_id) as process:
        until(lambda: place.effects("outline") == 2, "the second outline")
        process.send_signal(signal.SIGKILL)
        printed, _ = process.communicate(timeout=PATIENCE)
    place.allow("outline")
    replayed = printed.strip()
    assert client.executions.get(replayed).status is ExecutionStatus.FAILED
    client.executions.retry(replayed)
    assert client.executions.handle(replayed).wait() == "draft of outline of notes on cats"
    assert (place.effects("research"), place.effects("outline"), place.effects("write")) == (1, 3, 2)
    assert client.executions.get(replayed).original_exec_id == exec_id
