"""The project's first example, from `kubectl apply` to a result, by nothing but kubectl."""

import json
from pathlib import Path
from typing import Final

import pytest

from kitaru_cluster import install
from kitaru_cluster.images import Image
from tests.e2e.support.space import Space

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "research_agent"
#: What a reader of answer.yaml is told to replace.
EXECUTION: Final = "research-agent-abcde"


@pytest.fixture
def execution(space: Space, example: Image) -> str:
    """Apply the example's flow, create its execution, and give its name."""
    flow = (EXAMPLE / "flow.yaml").read_text().replace(install.EXAMPLE_IMAGE, example.pinned)
    space.kubectl("apply", "-f", "-", text=flow)
    created = space.kubectl("create", "-f", str(EXAMPLE / "execution.yaml"), "-o", "name")
    return created.strip().rpartition("/")[2]


def test_the_example_goes_from_apply_to_succeeded_with_its_data_in_the_bucket(space: Space, execution: str) -> None:
    """It asks, is answered and completes; kubectl shows each step, and the bucket has its results and its log."""
    space.kubectl("wait", "--for=condition=Waiting", f"kx/{execution}", "--timeout=90s")
    assert _columns(space) == [execution, "research-agent", "1", "Waiting", "2", "approve"]
    me = space.kubectl("auth", "whoami", "-o=jsonpath={.status.userInfo.username}")
    answer = (EXAMPLE / "answer.yaml").read_text().replace(EXECUTION, execution).replace("alice", me)
    space.kubectl("create", "-f", "-", text=answer)
    space.kubectl("wait", "--for=condition=Succeeded", f"kx/{execution}", "--timeout=90s")
    assert _columns(space) == [execution, "research-agent", "1", "Completed", "3"]
    assert space.status(execution).result == json.dumps("PUBLISHED: # Durable agents")
    kept = {one.name: one.load() for one in space.client.executions.get(execution).artifacts}
    assert kept["publish"] == "PUBLISHED: # Durable agents"
    assert sorted(kept) == ["publish", "research", "write_draft"]
    said = [line["message"] for line in space.lines(execution) if line.get("source") == "stdout"]
    assert said == [
        "research: looking into durable agents",
        *(f"write_draft: section {number} of 3" for number in (1, 2, 3)),
        "publish: the draft is out",
    ]


def _columns(space: Space) -> list[str]:
    """Return the only row that `kubectl get kx` prints, but for the age."""
    heads, row = (line.split() for line in space.kubectl("get", "kx").splitlines())
    assert heads == ["NAME", "FLOW", "VERSION", "PHASE", "CHECKPOINTS", "WAITING-FOR", "AGE"]
    return row[:-1]
