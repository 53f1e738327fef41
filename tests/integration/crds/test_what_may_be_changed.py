"""What may be changed in an object that exists: each rule of the CRDs, both ways."""

import pytest
from pydantic import JsonValue

from kitaru_cluster.cluster import Cluster
from tests.integration.crds import objects
from tests.integration.crds.objects import Object, execution

INPUTS: JsonValue = {"topic": "agents", "deep": {"list": [1, {"leaf": True}]}}
PLAIN = execution(inputs=INPUTS)
BY_VERSION = execution(version=2)
BY_TAG = execution(tag="stable")
STOPPED = execution(cancel=True)
RETRIED = execution(retry=2)


def spec(**change: JsonValue) -> Object:
    """Return a change of the spec."""
    return {"spec": change}


def status(**change: JsonValue) -> Object:
    """Return a change of the status."""
    return {"status": change}


REFUSED = [
    pytest.param(PLAIN, spec(flow="other"), "spec.flow: Invalid value: flow cannot be changed", id="flow"),
    pytest.param(BY_VERSION, spec(version=3), "spec.version: Invalid value: version cannot be changed", id="version"),
    pytest.param(BY_VERSION, spec(version=None), "version cannot be changed", id="version removed"),
    pytest.param(PLAIN, spec(version=1), "version cannot be changed", id="version added"),
    pytest.param(BY_TAG, spec(tag="canary"), "spec.tag: Invalid value: tag cannot be changed", id="tag"),
    pytest.param(BY_TAG, spec(tag=None), "tag cannot be changed", id="tag removed"),
    pytest.param(PLAIN, spec(tag="stable"), "tag cannot be changed", id="tag added"),
    pytest.param(BY_VERSION, spec(tag="stable"), "give version or tag, not both", id="tag beside a version"),
    pytest.param(
        PLAIN,
        spec(inputs={"topic": "other"}),
        "spec.inputs: Invalid value: inputs cannot be changed; create another execution",
        id="input",
    ),
    pytest.param(
        PLAIN, spec(inputs={"deep": {"list": [1, {"leaf": False}]}}), "inputs cannot be changed", id="leaf of an input"
    ),
    pytest.param(PLAIN, spec(inputs={"more": 1}), "inputs cannot be changed", id="input added"),
    pytest.param(PLAIN, spec(inputs=None), "inputs cannot be changed", id="inputs removed"),
    pytest.param(BY_TAG, spec(inputs={"a": 1}), "inputs cannot be changed", id="inputs added"),
    pytest.param(STOPPED, spec(cancel=False), "spec.cancel: Invalid value: cancel cannot be taken back", id="cancel"),
    pytest.param(STOPPED, spec(cancel=None), "cancel cannot be taken back", id="cancel removed"),
    pytest.param(RETRIED, spec(retry=1), "spec.retry: Invalid value: retry can only grow", id="retry"),
    pytest.param(RETRIED, spec(retry=None), "retry can only grow", id="retry removed"),
    pytest.param(PLAIN, spec(startDeadlineSeconds=10), "startDeadlineSeconds cannot be changed", id="start deadline"),
]


@pytest.mark.parametrize(("body", "change", "message"), REFUSED)
def test_what_is_fixed_in_an_execution_cannot_be_changed(
    cluster: Cluster, namespace: str, body: Object, change: Object, message: str
) -> None:
    """The API server refuses the change and names the field."""
    name = objects.name_of(objects.stored(cluster, namespace, body))
    told = objects.patch(cluster, namespace, name, change)
    assert told is not None
    assert message in told


ALLOWED = [
    pytest.param(PLAIN, spec(cancel=True), id="cancel"),
    pytest.param(STOPPED, spec(cancel=True), id="cancel again"),
    pytest.param(PLAIN, spec(retry=1), id="first retry"),
    pytest.param(RETRIED, spec(retry=3), id="one more retry"),
    pytest.param(PLAIN, spec(deletionPolicy="Purge"), id="deletion policy"),
    pytest.param(PLAIN, spec(inputs=INPUTS), id="the same inputs"),
    pytest.param(PLAIN, {"metadata": {"labels": {"team": "a"}}}, id="label"),
]


@pytest.mark.parametrize(("body", "change"), ALLOWED)
def test_what_is_free_in_an_execution_can_be_changed(
    cluster: Cluster, namespace: str, body: Object, change: Object
) -> None:
    """Cancel, retry, the deletion policy and labels are the user's."""
    name = objects.name_of(objects.stored(cluster, namespace, body))
    assert objects.patch(cluster, namespace, name, change) is None


DIGEST = f"sha256:{'0' * 64}"
WAITS: list[JsonValue] = [{"id": f"w{number}", "name": "w", "slot": number} for number in range(9)]
STATUS_REFUSED = [
    pytest.param(
        status(attempt=2), status(attempt=1), "status.attempt: Invalid value: attempt can only grow", id="attempt"
    ),
    pytest.param(status(attempt=2), status(attempt=None), "attempt can only grow", id="attempt removed"),
    pytest.param(
        status(specDigest=DIGEST),
        status(specDigest=f"sha256:{'1' * 64}"),
        "status.specDigest: Invalid value: specDigest cannot be changed once it is set",
        id="digest",
    ),
    pytest.param(
        status(specDigest=DIGEST), status(specDigest=None), "specDigest cannot be changed", id="digest removed"
    ),
    pytest.param(status(), status(phase="Done"), "status.phase: Unsupported value", id="phase"),
    pytest.param(status(), status(waits=WAITS), "status.waits: Too many: 9: must have at most 8", id="nine waits"),
    pytest.param(status(), status(waits=[*WAITS[:2], WAITS[0]]), "status.waits[2]: Duplicate value", id="a wait twice"),
]


@pytest.mark.parametrize(("before", "change", "message"), STATUS_REFUSED)
def test_a_status_that_goes_back_is_refused(
    cluster: Cluster, namespace: str, before: Object, change: Object, message: str
) -> None:
    """The rules hold the operator too: the attempt grows, the frozen spec stays."""
    name = objects.name_of(objects.stored(cluster, namespace, PLAIN))
    assert objects.patch(cluster, namespace, name, before) is None
    told = objects.patch(cluster, namespace, name, change)
    assert told is not None
    assert message in told


ANSWER = objects.answer(value={"a": [1, {"b": None}]}, answeredBy="bob")
ANSWER_CHANGES = [
    pytest.param(spec(value=1), id="another value"),
    pytest.param(spec(value={"a": [1, {"b": 2}]}), id="a leaf"),
    pytest.param(spec(value={"a": [{"b": None}, 1]}), id="the order of a list"),
    pytest.param(spec(value=None, abort=True), id="an abort instead"),
    pytest.param(spec(wait="approve_2"), id="another wait"),
    pytest.param(spec(execution="x2"), id="another execution"),
    pytest.param(spec(answeredBy="eve"), id="another name"),
]


@pytest.mark.parametrize("change", ANSWER_CHANGES)
def test_an_answer_cannot_be_changed(cluster: Cluster, namespace: str, change: Object) -> None:
    """Whoever thinks again creates another one."""
    name = objects.name_of(objects.stored(cluster, namespace, ANSWER, as_="bob"))
    told = objects.patch(cluster, namespace, name, change)
    assert told is not None
    assert "an answer cannot be changed; create another one" in told


def test_a_verdict_cannot_be_changed(cluster: Cluster, namespace: str) -> None:
    """Pending turns into a verdict once."""
    name = objects.name_of(objects.stored(cluster, namespace, ANSWER, as_="bob"))
    assert objects.patch(cluster, namespace, name, status(phase="Pending")) is None
    assert objects.patch(cluster, namespace, name, status(phase="Refused", reason="DoesNotFit")) is None
    for change in (status(phase="Accepted"), status(phase=None)):
        told = objects.patch(cluster, namespace, name, change)
        assert told is not None
        assert "status.phase: Invalid value: a verdict cannot be changed" in told


def test_a_status_as_the_models_bound_it_is_taken(cluster: Cluster, namespace: str) -> None:
    """A full status, within its bounds, is stored."""
    name = objects.name_of(objects.stored(cluster, namespace, PLAIN))
    waits: list[JsonValue] = [
        {
            "id": "approve",
            "name": "approve",
            "slot": 3,
            "question": "Go?",
            "schema": {"type": "object", "default": None},
        }
    ]
    full = status(phase="Waiting", attempt=1, specDigest=DIGEST, waits=waits, waitingFor="approve")
    assert objects.patch(cluster, namespace, name, full) is None
