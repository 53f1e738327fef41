"""Pods as a real kubelet reports them: bodies that were read from the API server of a cluster, as they were."""

import json
from pathlib import Path
from typing import Final

import pydantic
import pytest
from pydantic import JsonValue

from kitaru.core.resources.conditions import Reason
from kitaru_operator import images, pods
from kitaru_operator.pods import RunnerPod, Trouble

BODIES: Final = Path(__file__).parent / "kubelet"
IMAGE: Final = "10.200.0.1:5000/research-agent"
_BODY: Final = pydantic.TypeAdapter(dict[str, JsonValue])


def _read(name: str) -> RunnerPod:
    pod = pods.read(_BODY.validate_json((BODIES / f"{name}.json").read_text()))
    assert pod is not None
    return pod


def test_an_image_that_was_given_by_tag_is_pinned_to_what_the_kubelet_pulled() -> None:
    """It says `imageID`, not `imageId`: one execution must not run two codes under one tag."""
    reported = _read("running").image
    assert reported.startswith(f"{IMAGE}@sha256:")
    assert images.pinned(f"{IMAGE}:1", reported) == reported


@pytest.mark.parametrize(
    ("name", "phase", "started", "end"),
    [
        pytest.param("keyless", "Pending", False, "", id="not created"),
        pytest.param("running", "Running", True, "", id="running"),
        pytest.param("parked", "Running", True, "Completed (exit code 0)", id="parked"),
        pytest.param("killed", "Failed", True, "OOMKilled (exit code 137)", id="killed"),
    ],
)
def test_what_a_pod_does_and_why_it_ended(name: str, phase: str, end: str, *, started: bool) -> None:
    """A container may have ended while its pod still says Running."""
    pod = _read(name)
    assert (pod.phase, pod.started, pod.end) == (phase, started, end)
    assert pod.node
    assert pod.owner
    assert pod.number == 1


def test_a_key_that_is_missing_in_a_secret_is_named() -> None:
    """The kubelet names it, and the pod starts by itself once it is there."""
    message = "CreateContainerConfigError: couldn't find key NOPE in Secret default/kitaru-s3"
    assert _read("keyless").trouble == Trouble(Reason.CONTAINER_NOT_CREATED, message)


@pytest.mark.parametrize(
    ("said", "end"),
    [
        pytest.param(
            {"message": json.dumps({"outcome": "Broken", "why": "StoreDeniedError: no"}), "exitCode": 70},
            "StoreDeniedError: no (exit code 70)",
            id="the runner's last words",
        ),
        pytest.param(
            {"message": json.dumps({"outcome": "Failed", "error": "builtins.ValueError: x"})},
            "builtins.ValueError: x (exit code 0)",
            id="the flow's error",
        ),
        pytest.param(
            {"message": "first\nno module named kitaru_runner\n", "exitCode": 1, "reason": "Error"},
            "no module named kitaru_runner (exit code 1)",
            id="another program's last line",
        ),
        pytest.param({"reason": "Error", "exitCode": 143, "message": ""}, "Error (exit code 143)", id="no words"),
    ],
)
def test_last_words_say_why_a_process_ended(said: dict[str, JsonValue], end: str) -> None:
    """Those of the runner are JSON; whatever else an image runs may say anything."""
    body = _BODY.validate_json((BODIES / "killed.json").read_text())
    status: dict[str, JsonValue] = {"phase": "Failed", "containerStatuses": [{"state": {"terminated": said}}]}
    pod = pods.read({**body, "status": status})
    assert pod is not None
    assert pod.end == end


def test_an_eviction_says_more_than_the_signal_that_ended_the_process() -> None:
    """The node's own words are the pod's, not the container's."""
    body = _BODY.validate_json((BODIES / "killed.json").read_text())
    status = body["status"]
    assert isinstance(status, dict)
    evicted: dict[str, JsonValue] = {**status, "reason": "Evicted", "message": "The node was low on memory."}
    pod = pods.read({**body, "status": evicted})
    assert pod is not None
    assert pod.end == "Evicted: The node was low on memory."
