"""A deploy is one change of a KitaruFlow, and a version that the operator lists."""

import json
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import pytest
from pydantic import JsonValue

from kitaru.backends.kube_errors import OwnedError
from kitaru.core import frozen
from kitaru.core.settings import KitaruConfig
from kitaru.errors import KitaruUsageError
from kitaru.ports import Deploy, Deployed
from kitaru_cluster import waiting
from tests.integration.kube.conftest import TIME, Stack

DEPLOY: Final = Deploy(
    flow="research_agent",
    entrypoint="agents.research:research_agent",
    image="registry/agents:2",
    inputs={"topic": "agents"},
    schema={"type": "object", "properties": {"topic": {"type": "string"}}},
)


def _operate(stack: Stack, deploy: Deploy, version: int = 1) -> Deployed:
    """Deploy, and play the operator that makes a version of it."""
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(stack.flows.deploy, deploy)
        waiting.until(lambda: asked.done() or _deployment(stack), "the flow to be applied", seconds=20)
        if not asked.done():
            _list(stack, version)
        made = asked.result(timeout=30)
    stack.say("kf/research-agent", observedGeneration=_generation(stack))  # the tags, too, are seen
    return made


def _generation(stack: Stack) -> int:
    return int(stack.kubectl("get", "kf/research-agent", "-o=jsonpath={.metadata.generation}"))


def _deployment(stack: Stack) -> str:
    """Return the id of the deployment that the operator has not seen."""
    jsonpath = "-o=jsonpath={range .items[*]}{.metadata.generation} {.status.observedGeneration} {.spec.deployment.id}"
    generation, *seen, deployment = stack.kubectl("get", "kf", jsonpath).split() or [""]
    return "" if seen == [generation] else deployment


def _list(stack: Stack, version: int) -> None:
    deployment = _deployment(stack)
    listed: JsonValue = {
        "version": version,
        "image": DEPLOY.image,
        "deploymentId": deployment,
        "createdAt": TIME,
    }
    stack.say("kf/research-agent", observedGeneration=_generation(stack), versions=[listed])


def _manage(stack: Stack, image: str) -> None:
    """Apply the flow as Argo CD does, and let the operator see it."""
    spec = {"entrypoint": DEPLOY.entrypoint, "image": image}
    metadata = {"name": "research-agent"}
    flow = {"apiVersion": "kitaru.dev/v1alpha1", "kind": "KitaruFlow", "metadata": metadata, "spec": spec}
    stack.kubectl("apply", "--server-side", "--field-manager=argocd", "-f", "-", text=json.dumps(flow))
    stack.say("kf/research-agent", observedGeneration=1)


def test_a_deploy_is_a_flow_and_its_version(stack: Stack) -> None:
    """The first deploy makes the KitaruFlow, and returns the version that the operator lists for it."""
    made = _operate(stack, DEPLOY)
    spec = stack.get("kf/research-agent")
    assert (made.flow, made.version, made.image) == ("research_agent", 1, DEPLOY.image)
    assert spec["deployment"] == {"id": made.deployment}
    assert (spec["entrypoint"], spec["inputs"]) == (DEPLOY.entrypoint, {"topic": "agents"})
    assert spec["inputSchema"] == DEPLOY.schema


def test_a_deploy_says_what_was_resolved_for_it(stack: Stack) -> None:
    """Settings and the variables of the image stand in the flow's spec; a time limit is rounded up to seconds."""
    chosen = KitaruConfig(retries=2, cache=False, timeout=1.5)
    settings = frozen.dump(frozen.freeze("prod", chosen, KitaruConfig()))
    _operate(stack, replace(DEPLOY, settings=settings, environment={"MODE": "fast"}))
    spec = stack.get("kf/research-agent")
    assert (spec["retries"], spec["cache"], spec["timeoutSeconds"]) == (2, False, 2)
    assert spec["runner"] == {"env": [{"name": "MODE", "value": "fast"}]}


def test_each_deploy_replaces_what_the_last_one_gave(stack: Stack) -> None:
    """A second deploy is a second version, and a default that it does not give is gone."""
    _operate(stack, DEPLOY)
    made = _operate(stack, replace(DEPLOY, inputs={"depth": 2}), version=2)
    assert made.version == 2
    assert stack.get("kf/research-agent")["inputs"] == {"depth": 2}


def test_tags_move_one_by_one(stack: Stack) -> None:
    """A deploy moves the tags that it names to its version and leaves the others where they are."""
    _operate(stack, replace(DEPLOY, tags=("stable", "beta")))
    _operate(stack, replace(DEPLOY, tags=("beta", "default")), version=2)
    assert stack.get("kf/research-agent")["tags"] == {"stable": 1, "beta": 2}


def test_what_another_manager_owns_is_not_taken(stack: Stack) -> None:
    """A deploy over an image that Argo CD manages is refused by its name, and changes nothing."""
    _manage(stack, "registry/agents:1")
    with pytest.raises(OwnedError, match=r"spec\.image.*argocd"):
        stack.flows.deploy(DEPLOY)
    assert stack.get("kf/research-agent")["image"] == "registry/agents:1"


def test_force_takes_over(stack: Stack) -> None:
    """With force the deploy takes the fields over."""
    _manage(stack, "registry/agents:1")
    assert _operate(stack, replace(DEPLOY, force=True), version=2).version == 2
    assert stack.get("kf/research-agent")["image"] == DEPLOY.image


def test_a_deploy_waits_for_the_change_before_it(stack: Stack) -> None:
    """While the operator has not seen the last change, nothing is written over it."""
    _manage(stack, DEPLOY.image)
    stack.kubectl("patch", "kf/research-agent", "--type=merge", "-p", '{"spec": {"inputs": {"depth": 1}}}')
    with ThreadPoolExecutor() as pool:
        asked: Future[Deployed] = pool.submit(stack.flows.deploy, DEPLOY)
        with pytest.raises(TimeoutError):
            asked.result(timeout=2)
        assert "deployment" not in stack.get("kf/research-agent")
        stack.say("kf/research-agent", observedGeneration=2)
        waiting.until(lambda: "deployment" in stack.get("kf/research-agent"), "the deploy to be applied", seconds=20)
        _list(stack, 3)
        assert asked.result(timeout=30).version == 3


@pytest.mark.parametrize(
    ("deploy", "named"),
    [
        pytest.param(replace(DEPLOY, image=""), r"image", id="image"),
        pytest.param(replace(DEPLOY, entrypoint="agents.research"), r"entrypoint", id="entrypoint"),
        pytest.param(replace(DEPLOY, flow="Research"), r"'Research'", id="name"),
        pytest.param(replace(DEPLOY, inputs={"topic": "x" * 17_000}), r"inputs\.topic", id="inputs"),
    ],
)
def test_what_no_flow_can_be_is_refused_by_name(stack: Stack, deploy: Deploy, named: str) -> None:
    """A wrong image, entrypoint, name or default is refused with the field's name, and nothing is created."""
    with pytest.raises(KitaruUsageError, match=named):
        stack.flows.deploy(deploy)
    assert stack.names("kf") == []
