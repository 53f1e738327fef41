"""Who may answer, and under which name."""

import json
from typing import Final

import pytest

from kitaru_cluster.install import RELEASE
from tests.e2e.support.space import Space

APPROVER: Final = "alice"
#: Everything else that one could want to do in the namespace.
FORBIDDEN: Final = (
    "create kitaruexecutions.kitaru.dev",
    "update kitaruexecutions.kitaru.dev",
    "patch kitaruexecutions.kitaru.dev",
    "delete kitaruexecutions.kitaru.dev",
    "patch kitaruexecutions.kitaru.dev/status",
    "create kitaruflows.kitaru.dev",
    "patch kitaruflows.kitaru.dev",
    "delete kitaruflows.kitaru.dev",
    "patch kitaruanswers.kitaru.dev",
    "delete kitaruanswers.kitaru.dev",
    "patch kitaruanswers.kitaru.dev/status",
    "create pods",
    "create pods/exec",
    "delete pods",
    "get secrets",
)


@pytest.fixture
def waiting(space: Space) -> str:
    """Bind alice to the approver's role, and give an execution that waits."""
    role = f"--clusterrole={RELEASE}-approver"
    space.kubectl("create", "rolebinding", "alice-approves", role, f"--user={APPROVER}")
    execution = space.start(space.deploy("approvals:approval"), topic="tea")
    space.await_phase(execution, "Waiting")
    return execution


def answered(space: Space, execution: str, **who: str) -> tuple[int, str, str]:
    """Answer as alice, and return what kubectl did."""
    spec = {"execution": execution, "wait": "approve", "value": {"approved": True}, **who}
    body = {"apiVersion": "kitaru.dev/v1alpha1", "kind": "KitaruAnswer", "metadata": {"name": "a"}, "spec": spec}
    return space.try_kubectl("create", f"--as={APPROVER}", "-f", "-", text=json.dumps(body))


def test_an_approver_answers_and_changes_nothing_else(space: Space, waiting: str) -> None:
    """Alice sees, answers, and the journal keeps her name; every other change is refused to her."""
    assert waiting in space.kubectl("get", "kx", f"--as={APPROVER}")
    for wish in FORBIDDEN:
        verb, resource = wish.split()
        kind, _, part = resource.partition("/")
        only = (f"--subresource={part}",) if part else ()
        said = space.try_kubectl("auth", "can-i", verb, kind, f"--as={APPROVER}", *only)[1]
        assert said.strip() == "no", f"alice may {wish}"
    code, _, errors = answered(space, waiting, answeredBy=APPROVER)
    assert code == 0, errors
    space.await_phase(waiting, "Completed")
    (taken,) = (record for record in space.records(waiting) if record.kind == "answered")
    assert taken.answered_by == APPROVER


def test_nobody_answers_under_another_ones_name(space: Space, waiting: str) -> None:
    """The API server itself refuses it, naming the field, and the execution stays waiting."""
    code, _, errors = answered(space, waiting, answeredBy="bob")
    assert code != 0
    assert "spec.answeredBy must be your own user name, alice" in errors
    assert space.kubectl("get", "ka", "-o", "name") == ""
    assert space.status(waiting).phase == "Waiting"
