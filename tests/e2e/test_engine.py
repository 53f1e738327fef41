"""What a flow's author can write runs in a pod as it does on a laptop."""

from kitaru import events
from tests.e2e.support.space import Space

RESULT = {"tries": 2, "elsewhere": True, "limit": "KitaruTimeoutError", "dear": "TIDES"}


def test_tries_limits_processes_events_and_the_cache_work_in_a_pod(space: Space) -> None:
    """A second execution takes the dear call from the first; what was published and kept is found from outside."""
    flow = space.deploy("engine:everything", cache=True)
    client = space.client.executions
    first = space.start(flow, topic="tides")
    assert client.handle(first).wait() == RESULT
    assert space.effects(first) == {"try": 2, "dear": 1}
    published = [one for one in client.events(first) if one.kind == events.CHECKPOINT_PROGRESS_KIND]
    assert [(one.checkpoint_id, one.payload["data"]) for one in published] == [("elsewhere", {"percent": 0.5})]
    (note,) = space.client.artifacts.list(first, name="note")
    assert note.load() == {"from": "elsewhere"}

    second = space.start(flow, topic="tides")
    assert client.handle(second).wait() == RESULT
    assert space.effects(second) == {"try": 2}
    calls = {one.call_id: one for one in client.get(second).checkpoints}
    assert (calls["dear"].reused, calls["dear"].original_exec_id) == ("cache", first)
    assert calls["flaky"].reused is None
