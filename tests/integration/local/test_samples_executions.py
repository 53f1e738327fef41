"""The samples by which users know `KitaruClient`, as they are published, in a process that has no flow loaded.

`exec_id` is what a sample leaves to its reader. Logs and statistics are no part of them yet.
"""

from typing import Final

import pytest

from kitaru.client import ExecutionStatus, KitaruClient
from tests.integration.local.programs import HELPERS, Place, until

FLOWS: Final = f"""{HELPERS}
@kitaru.checkpoint
def research(topic: str) -> str:
    kitaru.save("research_context", [topic], type="context")
    kitaru.log(sources=1)
    return f"notes on {{topic}}"

@kitaru.checkpoint(retries=1, type="llm_call")
def write_draft(notes: str) -> str:
    if "rain" in notes and not Path("allowed-mend").exists():
        raise ValueError("no more rain")
    return f"draft of {{notes}}"

@kitaru.flow
def content_pipeline(topic: str) -> str:
    kitaru.log(customer="acme")
    notes = research(topic)
    kitaru.wait(schema=bool, name="approve_deploy", question="Deploy?")
    return write_draft(notes)
"""
START: Final = "import sys, flows; print(flows.content_pipeline.run(sys.argv[1]).exec_id)"
CREATE: Final = """
import sys
exec_id = sys.argv[1]
import kitaru
client = kitaru.KitaruClient()
"""
INSPECT: Final = """
execution = client.executions.get(exec_id)
print(execution.exec_id)
print(execution.flow_name)
print(execution.status) # running/waiting/completed/failed/cancelled
if execution.pending_wait:
    print(execution.pending_wait.name, execution.pending_wait.question)
if execution.failure:
    print(execution.failure.origin, execution.failure.message)
"""
LIST: Final = """
recent = client.executions.list(limit=20)
completed_for_flow = client.executions.list(
    flow="content_pipeline",
    status="completed",
    limit=10,
)
latest = client.executions.latest(flow="content_pipeline")
print([one.exec_id for one in recent] == [latest.exec_id, exec_id], [one.exec_id for one in completed_for_flow])
"""
ANSWER: Final = """
execution = client.executions.input(
    exec_id,
    wait="approve_deploy",
    value=True,
)
"""
RESUME: Final = """
execution = client.executions.resume(exec_id)
print(execution.exec_id == exec_id)
"""
RETRY: Final = """
# Same-execution retry (failed executions only)
retried = client.executions.retry(exec_id)
print(retried.exec_id == exec_id)
"""
REPLAY: Final = """
# Replay into a new execution from a checkpoint boundary
replayed = client.executions.replay(
    exec_id,
    from_="write_draft",
    overrides={"checkpoint.research": "Edited notes"},
    topic="New topic",
)
print(replayed.exec_id, replayed.original_exec_id == exec_id)
"""
CANCEL: Final = """
# Cancel a running execution
cancelled = client.executions.cancel(exec_id)
print(cancelled.status)
"""
WAITS: Final = """
waits = client.executions.pending_waits(exec_id)
for w in waits:
    print(w.name, w.question, w.schema)
execution = client.executions.abort_wait(exec_id, wait="approve_deploy")
print(execution.status)
"""
LOOKING: Final = """
execution = client.executions.get(exec_id)
fresh = execution.refresh() # re-fetch latest state
checkpoints = execution.list_checkpoints()
artifacts = execution.list_artifacts()
print(fresh == execution, fresh is execution, [one.name for one in checkpoints], [one.name for one in artifacts])
"""
ARTIFACTS: Final = """
artifacts = client.artifacts.list(exec_id)
for artifact in artifacts:
    print(artifact.name, artifact.kind, artifact.save_type)
artifact_id = artifacts[-1].artifact_id
context_artifact = client.artifacts.get(artifact_id)
value = context_artifact.load()
print(value)
for filtered in (
    client.artifacts.list(exec_id, kind="context"),
    client.artifacts.list(exec_id, producing_call="research"),
    client.artifacts.list(exec_id, name="research_context", limit=1),
):
    print([one.name for one in filtered])
"""


@pytest.fixture
def waiting(place: Place) -> str:
    """An execution that waits for its answer, its process gone."""
    place.has(FLOWS)
    return place.run(START, "tides")


def _done(client: KitaruClient, exec_id: str) -> str:
    handle = client.executions.handle(exec_id)
    until(lambda: handle.status.is_finished, f"the end of {exec_id}")
    return f"{handle.status}: {handle.get()}"


def _failed(place: Place, client: KitaruClient) -> str:
    place.has(FLOWS)
    exec_id = place.run(START, "rain")
    place.run(CREATE + ANSWER, exec_id)
    handle = client.executions.handle(exec_id)
    until(lambda: handle.status.is_finished, "the failure")
    return exec_id


def test_inspecting_an_execution(place: Place, waiting: str) -> None:
    """Id, flow, status and the open question (M1)."""
    assert place.run(CREATE + INSPECT, waiting).splitlines() == [
        waiting,
        "content_pipeline",
        "waiting",
        "approve_deploy Deploy?",
    ]


def test_inspecting_a_failure(place: Place, client: KitaruClient) -> None:
    """The failure's origin and message, its call's tries, times, metadata and the frozen settings (M1, M2)."""
    exec_id = _failed(place, client)
    assert place.run(CREATE + INSPECT, exec_id).splitlines()[2:] == ["failed", "user_code no more rain"]
    execution = client.executions.get(exec_id)
    assert execution.started_at is not None
    assert execution.ended_at is not None
    assert execution.started_at < execution.ended_at
    assert (execution.stack_name, execution.metadata) == ("local", {"customer": "acme"})
    research, draft = execution.checkpoints
    assert research.metadata == {"sources": 1}
    assert [(one.status, one.failure is not None) for one in draft.attempts] == [(ExecutionStatus.FAILED, True)] * 2
    assert draft.checkpoint_type == "llm_call"
    assert [one.name for one in execution.artifacts] == ["research", "research_context"]
    assert execution.frozen_execution_spec is not None


def test_listing_and_querying(place: Place, waiting: str) -> None:
    """The newest first, filtered by flow and status; and the latest one (M3)."""
    place.run(START, "ebb")
    assert place.run(CREATE + LIST, waiting) == "True []"


def test_input_and_resume(place: Place, client: KitaruClient, waiting: str) -> None:
    """An answer goes on by itself; a resume after it is harmless (W7, W10, M5)."""
    assert place.run(CREATE + ANSWER + RESUME, waiting) == "True"
    assert _done(client, waiting) == "completed: draft of notes on tides"


def test_retry(place: Place, client: KitaruClient) -> None:
    """The same execution, its finished calls reused (M5)."""
    exec_id = _failed(place, client)
    place.allow("mend")
    assert place.run(CREATE + RETRY, exec_id) == "True"
    assert _done(client, exec_id) == "completed: draft of notes on rain"
    assert client.executions.get(exec_id).checkpoints[0].attempts[0].epoch == 1


def test_replay(place: Place, client: KitaruClient, waiting: str) -> None:
    """A new execution with other notes and another topic; the old one stays what it was (M5)."""
    place.run(CREATE + ANSWER, waiting)
    _done(client, waiting)
    replayed, original = place.run(CREATE + REPLAY, waiting).split()
    assert (original, _done(client, replayed)) == ("True", "completed: draft of Edited notes")
    assert _done(client, waiting) == "completed: draft of notes on tides"


def test_cancel(place: Place, waiting: str) -> None:
    """It ends as cancelled (M5)."""
    assert place.run(CREATE + CANCEL, waiting) == "cancelled"


def test_pending_waits_and_their_abort(place: Place, waiting: str) -> None:
    """Name, question and schema of each; an abort cancels (M7, W7)."""
    assert place.run(CREATE + WAITS, waiting).splitlines() == [
        "approve_deploy Deploy? {'type': 'boolean'}",
        "cancelled",
    ]


def test_looking_again(place: Place, waiting: str) -> None:
    """A snapshot's own methods return new snapshots (M6)."""
    assert place.run(CREATE + LOOKING, waiting) == "True False ['research'] ['research', 'research_context']"


@pytest.mark.parametrize(
    ("method", "end"),
    [
        pytest.param("resume()", "completed: draft of notes on tides", id="resume"),
        pytest.param("cancel()", "cancelled", id="cancel"),
        pytest.param(
            'replay(from_="write_draft", overrides={"checkpoint.research": "Edited notes"})',
            "completed: draft of Edited notes",
            id="replay",
        ),
    ],
)
def test_acting_by_a_snapshot(place: Place, client: KitaruClient, waiting: str, method: str, end: str) -> None:
    """`execution.resume()` and the like do what the client's methods do (M6)."""
    if method != "cancel()":
        place.run(CREATE + ANSWER, waiting)
        _done(client, waiting)
    program = f"execution = client.executions.get(exec_id)\nacted = execution.{method}\nprint(acted.exec_id)\n"
    acted = place.run(CREATE + program, waiting)
    handle = client.executions.handle(acted)
    until(lambda: handle.status.is_finished, f"the end of {acted}")
    assert (_done(client, acted) if handle.status is ExecutionStatus.COMPLETED else str(handle.status)) == end


def test_retrying_by_a_snapshot(place: Place, client: KitaruClient) -> None:
    """`execution.retry()` goes on with the failed one (M6)."""
    exec_id = _failed(place, client)
    place.allow("mend")
    program = "print(client.executions.get(exec_id).retry().exec_id)"
    assert place.run(CREATE + program, exec_id) == exec_id
    assert _done(client, exec_id) == "completed: draft of notes on rain"


def test_browsing_artifacts(place: Place, waiting: str) -> None:
    """What calls returned and what they saved, by kind, call and name (M8)."""
    assert place.run(CREATE + ARTIFACTS, waiting).splitlines() == [
        "research output step_output",
        "research_context context manual",
        "['tides']",
        "['research_context']",
        "['research', 'research_context']",
        "['research_context']",
    ]
