"""From an execution to its first pod: versions, freezing, inputs, and all that can be wrong with them."""

import json

import pytest
from pydantic import JsonValue

from kitaru.core import blobs, paths
from kitaru.core import spec as specs
from kitaru_operator.cluster import EXECUTIONS, FLOWS, PODS
from tests.unit.kitaru_operator import records
from tests.unit.kitaru_operator.bench import NAMESPACE, Bench

FLOW: dict[str, JsonValue] = {"entrypoint": "agents.f:f", "image": "registry.example/f:1"}
TOPIC: dict[str, JsonValue] = {
    "type": "object",
    "properties": {"topic": {"type": "string"}},
    "required": ["topic"],
    "additionalProperties": False,
}


def test_the_first_pod_is_made_from_the_frozen_spec() -> None:
    """Version, image and inputs are frozen once, in spec.json, whose digest the pod is given."""
    bench = Bench()
    bench.apply(FLOWS, "f", {**FLOW, "inputs": {"topic": "kitaru", "depth": 1}})
    bench.apply(EXECUTIONS, "x", {"flow": "f", "inputs": {"depth": 2}})
    bench.settle()
    status = bench.execution("x").status
    body = bench.store.get(bench.paths("x").spec)
    assert body is not None
    frozen = specs.decode(body)
    assert (status.version, status.image, status.attempt) == (1, "registry.example/f:1", 1)
    assert frozen.inputs == {"topic": "kitaru", "depth": 2}
    assert status.spec_digest == specs.digest(body)
    assert bench.pods() == [status.pod_name]
    assert str(status.spec_digest) in json.dumps(bench.get(PODS, bench.pods()[0]))


def test_the_settings_of_a_version_are_frozen_with_it() -> None:
    """What a flow says of retries, cache and time is read by the runner from spec.json; else it is as decorated."""
    bench = Bench()
    bench.apply(FLOWS, "f", {**FLOW, "retries": 0, "cache": False, "timeoutSeconds": 60})
    bench.apply(FLOWS, "g", FLOW)
    frozen: list[tuple[int | None, bool | None, float | None]] = []
    for flow in ("f", "g"):
        bench.apply(EXECUTIONS, f"x-{flow}", {"flow": flow})
        bench.settle()
        body = bench.store.get(bench.paths(f"x-{flow}").spec)
        assert body is not None
        spec = specs.decode(body)
        frozen.append((spec.retries, spec.cache, spec.timeout))
    assert frozen == [(0, False, 60.0), (None, None, None)]


def test_a_flow_that_changes_afterwards_changes_nothing() -> None:
    """From the first attempt on the flow is read no more."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.asked(), records.parked())
    bench.exits(pod)
    bench.apply(FLOWS, "f", {"image": "registry.example/f:2"})
    bench.answers("a", "approve", value={"approved": True})
    assert bench.execution("x").status.version == 1
    assert "registry.example/f:1" in json.dumps(bench.get(PODS, bench.pods()[0]))


@pytest.mark.parametrize(
    ("asks", "version"),
    [
        pytest.param({}, 3, id="neither means the newest"),
        pytest.param({"version": 1}, 1, id="a version"),
        pytest.param({"tag": "stable"}, 2, id="a tag"),
        pytest.param({"tag": "default"}, 3, id="the default tag by name"),
    ],
)
def test_which_version_runs(asks: dict[str, JsonValue], version: int) -> None:
    """An execution names a version or a tag; without either it is the newest."""
    bench = Bench()
    for number in (1, 2, 3):
        bench.apply(FLOWS, "f", {**FLOW, "image": f"registry.example/f:{number}"})
        bench.settle()
    bench.apply(FLOWS, "f", {"tags": {"stable": 2}})
    bench.settle()
    bench.apply(EXECUTIONS, "x", {"flow": "f", **asks})
    bench.settle()
    assert bench.execution("x").status.version == version


def test_the_default_tag_can_be_pinned() -> None:
    """A flow that pins `default` gives that version to executions that name none."""
    bench = Bench()
    bench.apply(FLOWS, "f", FLOW)
    bench.settle()
    bench.apply(FLOWS, "f", {"image": "registry.example/f:2", "tags": {"default": 1}})
    bench.apply(EXECUTIONS, "x", {"flow": "f"})
    bench.settle()
    assert bench.execution("x").status.version == 1


@pytest.mark.parametrize(
    ("flow", "asks", "reason", "names"),
    [
        pytest.param(None, {}, "FlowNotFound", "'f'", id="no such flow"),
        pytest.param(FLOW, {"version": 7}, "VersionNotFound", "spec.version is 7", id="no such version"),
        pytest.param(FLOW, {"tag": "gold"}, "TagNotFound", "spec.tag is 'gold'", id="no such tag"),
    ],
)
def test_what_is_missing_is_said_soon_and_fails_after_a_minute(
    flow: dict[str, JsonValue] | None, asks: dict[str, JsonValue], reason: str, names: str
) -> None:
    """A missing flow, version or tag is a condition within ten seconds, and Failed after sixty more."""
    bench = Bench()
    if flow is not None:
        bench.apply(FLOWS, "f", flow)
    bench.apply(EXECUTIONS, "x", {"flow": "f", **asks})
    bench.settle()
    bench.later(5)
    assert bench.runner_ready()[0] == reason
    assert names in bench.runner_ready()[1]
    assert bench.status("x") == "Pending"
    for _ in range(13):
        bench.later(5)
    failure = bench.execution("x").status.failure
    assert bench.status("x") == "Failed"
    assert failure is not None
    assert names in failure.message
    assert bench.pods() == []


def test_a_flow_that_comes_in_time_is_no_failure() -> None:
    """`kubectl apply` of a folder may bring the execution before its flow."""
    bench = Bench()
    bench.apply(EXECUTIONS, "x", {"flow": "f"})
    bench.settle()
    bench.later(20)
    bench.apply(FLOWS, "f", FLOW)
    bench.settle()
    assert len(bench.pods()) == 1


def test_inputs_that_do_not_fit_fail_without_a_pod() -> None:
    """No body runs, and the message names the input."""
    bench = Bench()
    bench.apply(FLOWS, "f", {**FLOW, "inputSchema": TOPIC})
    bench.apply(EXECUTIONS, "x", {"flow": "f", "inputs": {"topic": 3}})
    bench.settle()
    failure = bench.execution("x").status.failure
    assert bench.status("x") == "Failed"
    assert failure is not None
    assert failure.origin == "user_code"
    assert "topic" in failure.message
    assert bench.pods() == []
    assert ("create", "pods") not in bench.cluster.writes


def test_inputs_that_are_too_large_fail_without_a_pod() -> None:
    """More than 16 KiB of inputs do not belong into a resource."""
    bench = Bench()
    bench.apply(FLOWS, "f", FLOW)
    bench.apply(EXECUTIONS, "x", {"flow": "f", "inputs": {"text": "x" * 20_000}})
    bench.settle()
    failure = bench.execution("x").status.failure
    assert failure is not None
    assert "16384" in failure.message
    assert bench.pods() == []


def test_inputs_by_reference_are_frozen_with_the_others() -> None:
    """The blob's are below those of the resource, above the flow's; nothing reads the blob afterwards."""
    bench = Bench()
    large: dict[str, JsonValue] = {"text": "x" * 20_000, "number": 2**70, "both": "blob"}
    ref, body = blobs.encode("inputs", large)
    bench.store.put(paths.blob("p", NAMESPACE, ref.sha256), body)
    bench.apply(FLOWS, "f", {**FLOW, "inputs": {"text": "short", "flow": 1}})
    bench.apply(EXECUTIONS, "x", {"flow": "f", "inputs": {"both": "own"}, "inputsRef": ref.model_dump()})
    bench.settle()
    frozen = bench.store.get(bench.paths("x").spec)
    assert frozen is not None
    assert specs.decode(frozen).inputs == {**large, "flow": 1, "both": "own"}
    assert len(bench.pods()) == 1


@pytest.mark.parametrize("content", [None, b"[1]"], ids=["missing", "no object"])
def test_inputs_that_cannot_be_read_fail_after_a_while(content: bytes | None) -> None:
    """First the condition says so, then the execution fails without a pod."""
    bench = Bench()
    ref, body = blobs.encode("inputs", [1])
    if content is not None:
        bench.store.put(paths.blob("p", NAMESPACE, ref.sha256), body)
    bench.apply(FLOWS, "f", FLOW)
    bench.apply(EXECUTIONS, "x", {"flow": "f", "inputsRef": ref.model_dump()})
    bench.settle()
    for _ in range(20):
        bench.later(5)
    failure = bench.execution("x").status.failure
    assert failure is not None
    assert "spec.inputsRef" in failure.message
    assert bench.pods() == []


@pytest.mark.parametrize("damage", [b'{"format": 1}', b"no json"], ids=["another", "damaged"])
def test_no_pod_is_made_from_a_spec_that_was_changed(damage: bytes) -> None:
    """A spec.json that was changed behind the operator's back fails the execution, and says so."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.asked(), records.parked())
    bench.exits(pod)
    bench.store.put(bench.paths("x").spec, damage)
    bench.answers("a", "approve", value={"approved": True})
    failure = bench.execution("x").status.failure
    assert bench.status("x") == "Failed"
    assert failure is not None
    assert "spec.json" in failure.message
    assert bench.pods() == []


def test_an_execution_that_failed_to_start_can_be_retried() -> None:
    """What was wrong may have been put right: then a retry freezes and starts."""
    bench = Bench()
    bench.apply(FLOWS, "f", {**FLOW, "inputSchema": TOPIC})
    bench.apply(EXECUTIONS, "x", {"flow": "f"})
    bench.settle()
    assert bench.status("x") == "Failed"
    bench.apply(FLOWS, "f", {"inputs": {"topic": "kitaru"}})
    bench.apply(EXECUTIONS, "x", {"retry": 1})
    bench.settle()
    assert bench.status("x") == "Pending"
    assert len(bench.pods()) == 1
