"""Executions that ask people: parked without a pod, answered from every side, never answered twice."""

import json

import pytest

from kitaru.core.resources.conditions import Reason
from kitaru.errors import KitaruStateError, KitaruWaitValidationError
from tests.e2e.support.space import Space

#: Seconds from the moment that kubectl shows a waiting execution to no pod at all.
NO_POD = 3.0


def approval(space: Space) -> str:
    """Start an execution that asks for approval, and return its name once it waits."""
    execution = space.start(space.deploy("approvals:approval"), topic="tea")
    space.await_phase(execution, "Waiting")
    return execution


def test_a_waiting_execution_says_what_it_waits_for_and_holds_no_pod(space: Space) -> None:
    """`kubectl get kx` shows the open wait, and within three seconds no pod is left."""
    execution = approval(space)
    space.await_no_pod(execution, seconds=NO_POD)
    row = space.kubectl("get", "kx", execution, "--no-headers").split()
    assert row[:-1] == [execution, "approval", "1", "Waiting", "1", "approve"]
    (wait,) = space.status(execution).waits
    assert (wait.id, wait.question) == ("approve", "Publish a draft about tea?")
    assert wait.schema_ is not None
    assert wait.schema_["required"] == ["approved"]


def test_an_answer_by_kubectl_resumes_and_completes_it(space: Space) -> None:
    """A KitaruAnswer is accepted; the execution goes on with it and repeats nothing."""
    execution = approval(space)
    answer = {
        "apiVersion": "kitaru.dev/v1alpha1",
        "kind": "KitaruAnswer",
        "metadata": {"generateName": "yes-"},
        "spec": {"execution": execution, "wait": "approve", "value": {"approved": True, "note": "by kubectl"}},
    }
    name = space.kubectl("create", "-f", "-", "-o", "name", text=json.dumps(answer)).strip().rpartition("/")[2]
    space.kubectl("wait", "--for=condition=Accepted", f"ka/{name}", "--timeout=30s")
    space.kubectl("wait", "--for=condition=Succeeded", f"kx/{execution}", "--timeout=90s")
    assert space.status(execution).result == json.dumps("a draft about tea, by kubectl")
    assert space.effects(execution) == {"draft": 1, "publish": 1}


def test_an_answer_by_python_resumes_and_completes_it(space: Space) -> None:
    """`executions.input` returns when the answer is taken, and the handle's wait() has the result."""
    execution = approval(space)
    executions = space.client.executions
    executions.input(execution, wait="approve", value={"approved": True, "note": "by Python"})
    assert executions.handle(execution).wait() == "a draft about tea, by Python"
    assert space.effects(execution) == {"draft": 1, "publish": 1}


def test_a_wrong_answer_is_refused_by_the_name_of_its_field_and_the_next_may_be_right(space: Space) -> None:
    """The verdict names the field, the execution stays waiting, and a good answer still completes it."""
    execution = approval(space)
    wrong = space.await_verdict(space.answer(execution, "approve", {"approved": "maybe"}))
    assert (wrong.status.phase, wrong.status.reason) == ("Refused", Reason.DOES_NOT_FIT)
    assert "value.approved" in (wrong.status.message or "")
    with pytest.raises(KitaruWaitValidationError, match="approved"):
        space.client.executions.input(execution, wait="approve", value={"note": "no verdict"})
    assert space.status(execution).phase == "Waiting"
    assert space.await_verdict(space.answer(execution, "approve", {"approved": True})).status.phase == "Accepted"
    space.await_phase(execution, "Completed")


def test_of_two_answers_one_counts_and_the_other_is_refused_with_a_reason(space: Space) -> None:
    """Two people answer differently at once: one answer is accepted, the result is that one's."""
    execution = approval(space)
    notes = ("from alice", "from bob")
    names = [space.answer(execution, "approve", {"approved": True, "note": note}) for note in notes]
    verdicts = [space.await_verdict(name) for name in names]
    assert sorted(one.status.phase or "" for one in verdicts) == ["Accepted", "Refused"]
    won = next(note for note, one in zip(notes, verdicts, strict=True) if one.status.phase == "Accepted")
    lost = next(one for one in verdicts if one.status.phase == "Refused")
    assert lost.status.reason == Reason.ALREADY_DECIDED
    assert "another" in (lost.status.message or "")
    space.await_phase(execution, "Completed")
    assert space.status(execution).result == json.dumps(f"a draft about tea, {won}")
    with pytest.raises(KitaruStateError):
        space.client.executions.input(execution, wait="approve", value={"approved": False})


def test_a_double_click_never_answers_the_next_question_of_that_name(space: Space) -> None:
    """Two answers to the first question of a loop: the second is refused, and the next question stays open."""
    execution = space.start(space.deploy("approvals:interview"), questions=2)
    space.await_phase(execution, "Waiting")
    first, again = (space.answer(execution, "question", "tea") for _ in range(2))
    verdicts = sorted(space.await_verdict(name).status.phase or "" for name in (first, again))
    assert verdicts == ["Accepted", "Refused"]
    space.until(lambda: space.status(execution).waiting_for == "question_2", "the second question to be open")
    late = space.await_verdict(space.answer(execution, "question", "coffee"))
    assert late.status.phase == "Refused"
    assert space.head(execution).is_open("question_2")
    space.answer(execution, "question_2", "milk")
    assert space.await_phase(execution, "Completed").result == json.dumps(["tea", "milk"])
    assert space.effects(execution) == {"noted-tea": 1, "noted-milk": 1}


def test_an_abort_ends_the_execution_cancelled(space: Space) -> None:
    """The abort is accepted, the body does not run on, and no pod is left."""
    execution = approval(space)
    abort = space.await_verdict(space.answer(execution, "approve", abort=True))
    assert abort.status.phase == "Accepted"
    space.await_phase(execution, "Cancelled")
    space.await_no_pod(execution)
    assert space.effects(execution) == {"draft": 1}
