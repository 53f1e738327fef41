"""The same example by nothing but Python: deployed, invoked, answered and waited for by programs."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
import yaml

from kitaru.ports import Start
from kitaru_cluster.images import Image
from tests.e2e.support.space import PATIENCE, Space

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "research_agent"
STACK: Final = "team"

RUN: Final = """
import sys
from agents.research import research_agent

deployment = research_agent.deploy(image=sys.argv[1], topic="kitaru")
print(deployment.version, flush=True)
handle = research_agent.invoke(topic="durable agents")
print(handle.exec_id, flush=True)
print(handle.wait(), flush=True)
"""
ANSWER: Final = """
import sys
import kitaru

kitaru.KitaruClient().executions.input(sys.argv[1], wait="approve", value={"approved": True, "note": "good"})
"""


@pytest.fixture
def environment(space: Space, tmp_path: Path) -> Mapping[str, str]:
    """Give the environment of a person whose configuration names the namespace and the bucket."""
    s3 = space.cluster.s3
    stack = {
        "type": "kubernetes",
        "kubeconfig": str(space.cluster.kubeconfig),
        "namespace": space.namespace,
        "bucket": space.installed.bucket,
        "endpoint": s3.url,
        "region": s3.region,
        "credentials": {"access_key_id": s3.access_key, "secret_access_key": s3.secret_key},
    }
    (tmp_path / "kitaru.yaml").write_text(yaml.safe_dump({"active_stack": STACK, "stacks": {STACK: stack}}))
    return {**os.environ, "KITARU_CONFIG_PATH": str(tmp_path)}


def test_a_program_gets_what_the_flow_returned_in_the_cluster(
    space: Space, example: Image, environment: Mapping[str, str]
) -> None:
    """deploy() gives version 1, invoke() starts it, an answer of another program is taken, wait() returns the value."""
    with subprocess.Popen(
        (sys.executable, "-c", RUN, example.pinned),
        cwd=EXAMPLE,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        try:
            assert program.stdout.readline() == "1\n"
            execution = program.stdout.readline().strip()
            space.await_phase(execution, "Waiting")
            answer = (sys.executable, "-c", ANSWER, execution)
            subprocess.run(answer, cwd=EXAMPLE, env=environment, check=True, timeout=PATIENCE)
            said, _ = program.communicate(timeout=PATIENCE)
        finally:
            program.kill()
    assert said == "PUBLISHED: # Durable agents\n"
    assert program.returncode == 0
    assert space.flow("research-agent").status.latest_version == 1


def test_large_inputs_and_answers_go_through_the_store(space: Space) -> None:
    """What no resource can hold comes to the flow all the same, and so does its result to the caller."""
    space.deploy("approvals:approval")
    client, stack = space.client, space.stack
    execution = stack.executions.start(Start(flow="approval", inputs={"topic": "x" * 100_000}))
    space.await_phase(execution, "Waiting")
    client.executions.input(execution, wait="approve", value={"approved": True, "note": "y" * 100_000})
    result = client.executions.handle(execution).wait()
    assert result == f"a draft about {'x' * 100_000}, {'y' * 100_000}"
