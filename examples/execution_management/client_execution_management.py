"""Everything that a client can look at and do: python examples/execution_management/client_execution_management.py.

Prints

    waiting: approve_deploy asks 'Deploy a text on tides?'
    answered: completed, DEPLOYED: Draft of notes on tides
    latest: content_pipeline, 1 of 1 listed, 2 checkpoints
    context: notes on tides
    failed: user_code, no network
    retried: completed
    replayed: completed, DEPLOYED: Draft of edited notes
    aborted: cancelled
    cancelled: cancelled
"""

import time

import kitaru
from kitaru.client import Execution, ExecutionsClient

#: Whether the network is there.
NETWORK: list[str] = []


@kitaru.checkpoint
def research(topic: str) -> str:
    """Find something out, and keep it by name too."""
    notes = f"notes on {topic}"
    kitaru.save("research_context", notes, type="context")
    return notes


@kitaru.checkpoint
def write_draft(notes: str) -> str:
    """Write it up."""
    return f"Draft of {notes}"


@kitaru.flow
def content_pipeline(topic: str) -> str:
    """Research, ask a person, write."""
    notes = research(topic)
    if not kitaru.wait(schema=bool, name="approve_deploy", question=f"Deploy a text on {topic}?"):
        return f"REJECTED: {topic}"
    return f"DEPLOYED: {write_draft(notes)}"


@kitaru.checkpoint
def publish() -> str:
    """Fail while there is no network."""
    if not NETWORK:
        message = "no network"
        raise ConnectionError(message)
    return "published"


@kitaru.flow
def publishing() -> str:
    """Publish."""
    return publish()


def until_it_asks(executions: ExecutionsClient, exec_id: str) -> Execution:
    """Return a snapshot of the execution once it waits for an answer."""
    while (execution := executions.get(exec_id)).status is not kitaru.ExecutionStatus.WAITING:
        time.sleep(0.05)
    return execution


def look_and_answer(client: kitaru.KitaruClient) -> str:
    """Start an execution, see its question, answer it, and look at what it kept. Return its id."""
    executions = client.executions
    handle = content_pipeline.run("tides")
    execution = until_it_asks(executions, handle.exec_id)
    wait = execution.pending_wait
    if wait is not None:
        print(f"{execution.status}: {wait.name} asks {wait.question!r}")

    executions.input(handle.exec_id, wait="approve_deploy", value=True)
    result = handle.wait()
    print(f"answered: {execution.refresh().status}, {result}")

    latest = executions.latest(flow="content_pipeline")
    listed = executions.list(flow="content_pipeline", status="completed", limit=1)
    same = [one for one in listed if one.exec_id == latest.exec_id]
    print(f"latest: {latest.flow_name}, {len(same)} of {len(listed)} listed, {len(latest.checkpoints)} checkpoints")

    for artifact in client.artifacts.list(handle.exec_id, kind="context"):
        print(f"{artifact.kind}: {artifact.load()}")
    return handle.exec_id


def fail_and_retry(executions: ExecutionsClient) -> None:
    """Let an execution fail, and try the same one again."""
    handle = publishing.run()
    try:
        handle.wait()
    except kitaru.KitaruExecutionError:
        failure = executions.get(handle.exec_id).failure
        if failure is not None:
            print(f"failed: {failure.origin}, {failure.message}")
    NETWORK.append("is there")
    executions.retry(handle.exec_id)
    handle.wait()
    print(f"retried: {handle.status}")


def replay_and_end(executions: ExecutionsClient, exec_id: str) -> None:
    """Replay an execution with other notes; abort the wait of one, cancel another."""
    replayed = executions.replay(exec_id, from_="write_draft", overrides={"checkpoint.research": "edited notes"})
    result = executions.handle(replayed.exec_id).wait()
    print(f"replayed: {replayed.refresh().status}, {result}")

    aborted = until_it_asks(executions, content_pipeline.run("ebb").exec_id)
    print(f"aborted: {executions.abort_wait(aborted.exec_id, wait='approve_deploy').status}")

    cancelled = until_it_asks(executions, content_pipeline.run("flood").exec_id)
    print(f"cancelled: {cancelled.cancel().status}")


def main() -> None:
    """Look at executions, and act on them."""
    client = kitaru.KitaruClient()
    exec_id = look_and_answer(client)
    fail_and_retry(client.executions)
    replay_and_end(client.executions, exec_id)


if __name__ == "__main__":
    main()
