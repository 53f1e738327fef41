"""A deploy is one change of a KitaruFlow, and a version that the operator lists."""

import functools
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import pytest
from pydantic import JsonValue

from kitaru.backends.kube_errors import OwnedError
from kitaru.core import frozen
from kitaru.core.settings import KitaruConfig
from kitaru.errors import KitaruFeatureNotAvailableError, KitaruStateError, KitaruUsageError
from kitaru.ports import Deploy, Deployed
from kitaru_cluster import waiting
from tests.integration.kube.conftest import TIME, Stack

IMAGE: Final = "registry/agents:2"
DEPLOY: Final = Deploy(
    flow="research_agent",
    entrypoint="agents.research:research_agent",
    image=IMAGE,
    inputs={"topic": "agents"},
    schema={"type": "object", "properties": {"topic": {"type": "string"}}},
)


def _operate(stack: Stack, deploy: Deploy, version: int = 1) -> Deployed:
    """Deploy, and play the operator that makes a version of it, and looks at its tags."""
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(stack.flows.deploy, deploy)
        waiting.until(lambda: asked.done() or _deployment(stack), "the flow to be applied", seconds=20)
        if not asked.done():
            _list(stack, version)
        waiting.until(lambda: asked.done() or _see(stack), "the deploy to end", seconds=20)
        return asked.result(timeout=30)


def _see(stack: Stack) -> None:
    """Look at the flow as it is now."""
    generation, spec = _generation(stack), stack.get("kf/research-agent")
    stack.say("kf/research-agent", tags=None)  # a patch takes away only what it names
    stack.say("kf/research-agent", observedGeneration=generation, tags=spec.get("tags", {}))


def _generation(stack: Stack) -> int:
    return int(stack.kubectl("get", "kf/research-agent", "-o=jsonpath={.metadata.generation}"))


def _deployment(stack: Stack) -> str:
    """Return the id of the deployment that the operator has not seen."""
    jsonpath = "-o=jsonpath={range .items[*]}{.metadata.generation} {.status.observedGeneration} {.spec.deployment.id}"
    generation, *seen, deployment = stack.kubectl("get", "kf", jsonpath).split() or [""]
    return "" if seen == [generation] else deployment


def _list(stack: Stack, version: int) -> None:
    deployment = _deployment(stack)
    listed: list[JsonValue] = [
        {"version": number, "image": DEPLOY.image, "deploymentId": f"d{number}", "createdAt": TIME}
        for number in range(1, version)
    ]
    listed.append({"version": version, "image": DEPLOY.image, "deploymentId": deployment, "createdAt": TIME})
    stack.say("kf/research-agent", observedGeneration=_generation(stack), latestVersion=version, versions=listed)


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
    assert (made.tags, spec["tags"]) == ({"default": True}, {"default": 1})
    made_of = {"entrypoint": DEPLOY.entrypoint, "image": DEPLOY.image}
    assert spec["deployment"] == {"id": made.deployment, **made_of}
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
    _operate(stack, replace(DEPLOY, tags={"stable": True, "beta": False}))
    _operate(stack, replace(DEPLOY, tags={"beta": True, "default": True}), version=2)
    assert stack.get("kf/research-agent")["tags"] == {"stable": 1, "beta": 2, "default": 2}
    with pytest.raises(KitaruFeatureNotAvailableError, match="exclusive=True"):
        stack.flows.deploy(replace(DEPLOY, tags={"stable": False}))


def test_a_version_tells_its_commit_and_variables(stack: Stack) -> None:
    """The source's commit goes into the deployment, and the image's environment into the runner."""
    _operate(stack, replace(DEPLOY, commit="0a1b", dirty=True, environment={"MODE": "fast"}))
    spec = stack.get("kf/research-agent")
    assert spec["runner"] == {"env": [{"name": "MODE", "value": "fast"}]}
    assert (json.loads(json.dumps(spec["deployment"]))["commit"], spec["inputs"]) == ("0a1b", DEPLOY.inputs)


def test_a_tag_is_put_and_taken(stack: Stack) -> None:
    """A tag that the client put, it takes away; one that somebody else manages stays, and the error says so."""
    _operate(stack, DEPLOY)
    stack.kubectl("patch", "kf/research-agent", "--type=merge", "-p", '{"spec": {"tags": {"theirs": 1}}}')
    _see(stack)
    put = functools.partial(stack.flows.tag, "research_agent", 1, "stable", exclusive=True)
    assert _seen(stack, put).tags == {"default": True, "stable": True, "theirs": True}
    taken = functools.partial(stack.flows.untag, "research_agent", 1)
    assert _seen(stack, functools.partial(taken, "stable")).tags == {"default": True, "theirs": True}
    with pytest.raises(KitaruStateError, match="managed by somebody else"):
        _seen(stack, functools.partial(taken, "theirs"))
    assert stack.get("kf/research-agent")["tags"] == {"default": 1, "theirs": 1}


def _seen(stack: Stack, act: Callable[[], Deployed]) -> Deployed:
    """Change tags, and play the operator that looks at them."""
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(act)
        waiting.until(lambda: asked.done() or _see(stack), "the change to be seen", seconds=20)
        return asked.result(timeout=30)


def test_versions_are_listed_and_found(stack: Stack) -> None:
    """By name and without, the newest first; a version without tags is the operator's to remove."""
    stack.deployed("research-agent", {"stable": 1}, 1, 2, 3)
    stack.say("kf/research-agent", latestVersion=3)
    assert [one.version for one in stack.flows.list("research_agent")] == [3, 2, 1]
    assert stack.flows.list() == stack.flows.list("research-agent")
    assert stack.flows.get("research_agent", tag="stable").version == 1
    assert stack.flows.get("research_agent").version == 3
    with pytest.raises(KitaruFeatureNotAvailableError, match="the operator removes version 2"):
        stack.flows.delete("research_agent", 2)
    with pytest.raises(LookupError, match="'nobody'"):
        stack.flows.get("nobody")


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
    _manage(stack, IMAGE)
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
