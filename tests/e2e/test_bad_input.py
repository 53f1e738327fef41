"""What cannot run is refused with a message that names the field, and no body runs."""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass

import pytest
from pydantic import JsonValue

from kitaru.backends.boto3_store import Boto3Store
from kitaru.core.resources.conditions import ExecutionCondition, Reason
from kitaru_cluster import install
from kitaru_cluster.cluster import Cluster
from kitaru_cluster.images import Image
from kitaru_cluster.install import Installation
from tests.e2e.support.space import Space, manifest, opened

#: Seconds within which a condition says what is wrong with the image.
TOLD = 10.0


@pytest.mark.parametrize(
    ("kind", "spec", "field"),
    [
        pytest.param("KitaruFlow", {"image": "agents:1"}, "spec.entrypoint", id="no entrypoint"),
        pytest.param(
            "KitaruFlow", {"image": "agents:1", "entrypoint": "agents.research"}, "spec.entrypoint", id="no attribute"
        ),
        pytest.param(
            "KitaruExecution", {"flow": "steps", "version": 1, "tag": "stable"}, "spec.tag", id="version and tag"
        ),
        pytest.param("KitaruExecution", {"inputs": {}}, "spec.flow", id="no flow"),
    ],
)
def test_a_bad_manifest_is_refused_at_the_door(
    space: Space, kind: str, spec: Mapping[str, JsonValue], field: str
) -> None:
    """It prints an error with the field, and nothing is stored."""
    code, _, errors = space.try_kubectl("create", "-f", "-", text=json.dumps(manifest(kind, "bad", spec)))
    assert code != 0
    assert field in errors
    assert space.kubectl("get", "kf,kx", "-o", "name") == ""


@dataclass(frozen=True, slots=True)
class Bad:
    """An execution that must fail: its flow's entrypoint, its spec, and what its message must hold."""

    spec: Mapping[str, JsonValue]
    says: tuple[str, ...]
    entrypoint: str = "tests.e2e.flows.approvals:approval"
    schema: JsonValue = None


SCHEMA: JsonValue = {
    "type": "object",
    "properties": {"topic": {"type": "string"}, "stay": {"type": "number"}},
    "required": ["topic"],
    "additionalProperties": False,
}
BAD = {
    "no module": Bad({"inputs": {"topic": "tea"}}, ("entrypoint", "agents.missing"), "agents.missing:flow"),
    "no flow of that name": Bad(
        {"inputs": {"topic": "tea"}}, ("entrypoint", "approvals", "'missing'"), "tests.e2e.flows.approvals:missing"
    ),
    "not a flow": Bad({"inputs": {"topic": "tea"}}, ("entrypoint", "not a flow"), "tests.e2e.flows.approvals:Approval"),
    "unknown flow": Bad({"flow": "no-such-flow"}, ("spec.flow", "no-such-flow")),
    "unknown version": Bad({"version": 7, "inputs": {"topic": "tea"}}, ("spec.version", "7")),
    "unknown tag": Bad({"tag": "stable", "inputs": {"topic": "tea"}}, ("spec.tag", "stable")),
    "missing input": Bad({}, ("topic",)),
    "unknown input": Bad({"inputs": {"topic": "tea", "mood": "good"}}, ("mood",)),
    "wrong type of input": Bad({"inputs": {"topic": ["tea"]}}, ("topic",)),
    "wrong type of input, by the schema": Bad({"inputs": {"topic": 7}}, ("topic",), schema=SCHEMA),
    "missing input, by the schema": Bad({}, ("topic",), schema=SCHEMA),
}


@pytest.fixture(scope="module")
def refused(
    cluster: Cluster, installed: Installation, flows: Image, store: Boto3Store
) -> Generator[tuple[Space, Mapping[str, str]]]:
    """Start every bad execution at once, and give their names."""
    with opened(cluster, installed, flows, store) as space:
        started: dict[str, str] = {}
        for number, (name, bad) in enumerate(BAD.items()):
            schema: dict[str, JsonValue] = {} if bad.schema is None else {"inputSchema": bad.schema}
            spec = {"entrypoint": bad.entrypoint, "image": flows.pinned, **schema}
            space.kubectl("apply", "-f", "-", text=json.dumps(manifest("KitaruFlow", f"flow-{number}", spec)))
            started[name] = space.start(f"flow-{number}", bad.spec)
        yield space, started


@pytest.mark.parametrize("name", BAD)
def test_a_bad_execution_fails_with_a_message_that_names_the_field(
    refused: tuple[Space, Mapping[str, str]], name: str
) -> None:
    """The status says what is wrong and where, and no checkpoint ran."""
    space, started = refused
    execution = started[name]
    status = space.await_phase(execution, "Failed", "Completed")
    assert status.failure is not None
    for words in BAD[name].says:
        assert words in status.failure.message
    assert space.effects(execution) == {}


def test_an_image_that_cannot_be_pulled_is_told_within_ten_seconds(space: Space) -> None:
    """The condition RunnerReady names the image, the phase stays Pending, and an Event says it too."""
    missing = f"{space.installed.runner.tagged.partition('/')[0]}/no-such-image:1"
    flow = space.deploy("steps:steps", image=missing)
    execution = space.start(flow)

    def told() -> str | None:
        found = space.condition(execution, ExecutionCondition.RUNNER_READY)
        return found.message if found is not None and found.reason == Reason.IMAGE_NOT_PULLED else None

    assert missing in space.until(told, "the condition RunnerReady to say what is wrong", TOLD)
    assert space.status(execution).phase == "Pending"
    assert missing in space.kubectl("get", "events", f"--field-selector=involvedObject.name={execution}")


def test_a_missing_store_secret_is_told_and_burns_no_attempt(space: Space) -> None:
    """The condition StoreReady names the Secret; once it is there the same attempt goes on by itself."""
    space.kubectl("delete", "secret", install.SECRET)
    execution = space.start(space.deploy("failing:careful"))

    def told() -> str | None:
        found = space.condition(execution, ExecutionCondition.STORE_READY)
        return found.message if found is not None and found.reason == Reason.CREDENTIALS_MISSING else None

    assert install.SECRET in space.until(told, "the condition StoreReady to say what is missing")
    assert space.status(execution).phase == "Pending"
    assert space.effects(execution) == {}
    install.provide(space.cluster, space.namespace)
    assert space.await_phase(execution, "Waiting").attempt == 1


def test_a_changed_spec_json_is_never_run(space: Space) -> None:
    """Inputs that somebody changed in the bucket fail the next attempt; restored, a retry goes on."""
    execution = space.start(space.deploy("approvals:approval"), topic="tea")
    space.await_phase(execution, "Waiting")
    key = space.paths(execution).spec
    frozen = space.store.get(key)
    assert frozen is not None
    space.store.put(key, frozen.replace(b'"tea"', b'"gin"'))
    space.answer(execution, "approve", {"approved": True})
    status = space.await_phase(execution, "Failed")
    assert status.failure is not None
    assert "spec.json" in status.failure.message
    assert space.effects(execution) == {"draft": 1}
    space.store.put(key, frozen)
    space.change(execution, retry=1)
    assert space.await_phase(execution, "Completed").result == json.dumps("a draft about tea, ")
    assert space.effects(execution) == {"draft": 1, "publish": 1}
