"""Deploying and invoking, as the ports of a cluster are asked for it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel, JsonValue

import kitaru
from kitaru.backends.memory import MemoryStore
from kitaru.config import FrozenExecutionSpec
from kitaru.connect import ClusterStack
from kitaru.core import paths
from kitaru.core.listing import Query, Row
from kitaru.core.located import Located
from kitaru.core.phases import Phase
from kitaru.core.replay import ReplayStart
from kitaru.errors import KitaruFeatureNotAvailableError, KitaruUsageError
from kitaru.ports import Deploy, Deployed, Start

MADE = datetime(2026, 1, 1, tzinfo=UTC)


class Runs:
    """The executions of that cluster."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.started: list[Start] = []

    def start(self, start: Start) -> str:
        self.started.append(start)
        return f"x{len(self.started)}"

    def locate(self, exec_id: str) -> Located:
        return Located(
            exec_id=exec_id,
            flow="report",
            stack="prod",
            phase=Phase.PENDING,
            paths=paths.execution("", "prod", exec_id),
            created_at=MADE,
        )

    def answer(self, exec_id: str, wait: str, value: JsonValue) -> None:
        raise LookupError(exec_id, wait, value)

    def abort(self, exec_id: str, wait: str) -> None:
        raise LookupError(exec_id, wait)

    def retry(self, exec_id: str) -> None:
        raise LookupError(exec_id)

    cancel = resume = retry

    def replay(self, start: ReplayStart) -> str:
        raise LookupError(start)

    def list(self, query: Query) -> Sequence[Row]:
        raise LookupError(query)

    def await_change(self, exec_id: str, timeout: float) -> None:
        raise LookupError(exec_id, timeout)


class Cluster:
    """The versions of a cluster that takes note of what it is asked, and runs nothing."""

    def __init__(self) -> None:
        self.runs = Runs()
        self.deployed: list[Deploy] = []

    @property
    def started(self) -> list[Start]:
        return self.runs.started

    def deploy(self, deploy: Deploy) -> Deployed:
        self.deployed.append(deploy)
        number = len(self.deployed)
        return self.get(deploy.flow, number)

    def list(self, flow: str | None = None) -> Sequence[Deployed]:
        return [self.get(flow or "report", number) for number in range(len(self.deployed), 0, -1)]

    def get(self, flow: str, version: int | None = None, tag: str | None = None) -> Deployed:
        number = version or len(self.deployed)
        if not 0 < number <= len(self.deployed):
            raise LookupError(flow, version, tag)
        asked = self.deployed[number - 1]
        return Deployed(
            flow=flow,
            version=number,
            image=asked.image,
            deployment=f"d{number}",
            created_at=MADE,
            tags=asked.tags,
            commit=asked.commit,
            dirty=asked.dirty,
            schema=asked.schema,
        )

    def tag(self, flow: str, version: int, tag: str, *, exclusive: bool) -> Deployed:
        return replace(self.get(flow, version), tags={tag: exclusive})

    def untag(self, flow: str, version: int, tag: str) -> Deployed:
        assert tag
        return replace(self.get(flow, version), tags={})

    def delete(self, flow: str, version: int) -> None:
        self.get(flow, version)
        self.deployed.pop(version - 1)


class Style(BaseModel):
    """A part of the inputs."""

    colour: str = "blue"


@kitaru.flow(image="registry.example/report:1")
def report(topic: str, style: Style | None = None) -> str:
    """Report."""
    return f"{topic} {style}"


@pytest.fixture
def cluster() -> Cluster:
    """A cluster that nobody has asked yet."""
    return Cluster()


@pytest.fixture
def stack(cluster: Cluster) -> ClusterStack:
    """The stack over it."""
    return ClusterStack("prod", cluster.runs, cluster)


def test_deploy_asks_for_a_version(stack: ClusterStack, cluster: Cluster) -> None:
    """Entrypoint, image, defaults, schema and tags go to the cluster; the version comes back."""
    made = report.deploy(topic="tea", style=Style(), tags=["stable"], stack=stack)
    (asked,) = cluster.deployed
    assert (asked.flow, asked.entrypoint) == ("report", f"{__name__}:report")
    assert (asked.image, asked.tags, asked.publish) == ("registry.example/report:1", {"stable": True}, True)
    assert asked.inputs == {"topic": "tea", "style": {"colour": "blue"}}
    assert asked.schema["required"] == ["topic"]
    assert (made.version, made.deployment_id, made.stack, made.created_at) == (1, "d1", "prod", MADE)
    assert (made.tags, made.image_digest, made.schema) == ({"stable": True}, None, asked.schema)
    pinned = report.deploy(image="other@sha256:0a1b", stack=stack)
    assert (pinned.image, pinned.image_digest) == ("other@sha256:0a1b", "sha256:0a1b")


def test_deploy_says_from_which_commit(stack: ClusterStack, cluster: Cluster) -> None:
    """This repository's commit goes to the cluster, and comes back with the deployment."""
    made = report.deploy("tea", stack=stack)
    (asked,) = cluster.deployed
    assert asked.inputs == {"topic": "tea"}
    assert (made.commit_sha, made.commit_dirty) == (asked.commit, asked.dirty)
    assert asked.commit is None or len(asked.commit) == 40


def test_invoke_starts_a_version(stack: ClusterStack, cluster: Cluster) -> None:
    """By number, by tag, by the default, or from the deployment; inputs become JSON."""
    assert report.invoke(topic="tea", style=Style(colour="red"), stack=stack).exec_id == "x1"
    report.invoke(version=2, stack=stack)
    report.invoke(tag="stable", stack=stack)
    report.deploy(stack=stack).invoke(topic="milk")
    assert cluster.started == [
        Start(flow="report", inputs={"topic": "tea", "style": {"colour": "red"}}),
        Start(flow="report", inputs={}, version=2),
        Start(flow="report", inputs={}, tag="stable"),
        Start(flow="report", inputs={"topic": "milk"}, version=1),
    ]


def test_inputs_that_do_not_fit_deploy_nothing(stack: ClusterStack, cluster: Cluster) -> None:
    """Defaults are held against the signature, and inputs have to be JSON."""
    with pytest.raises(KitaruUsageError, match="'style'"):
        report.deploy(style=5, stack=stack)
    with pytest.raises(KitaruUsageError, match="colour"):
        report.deploy(colour="red", stack=stack)
    with pytest.raises(KitaruUsageError, match="topic cannot be written as JSON"):
        report.invoke(topic=object(), stack=stack)
    assert (cluster.deployed, cluster.started) == ([], [])


def test_a_version_is_chosen_in_one_way(stack: ClusterStack) -> None:
    """A number and a tag together, or a number below 1, are refused."""
    with pytest.raises(KitaruUsageError, match="version and tag are both given"):
        report.invoke(version=1, tag="stable", stack=stack)
    with pytest.raises(KitaruUsageError, match="numbered from 1"):
        report.invoke(version=0, stack=stack)


def test_a_flow_whose_parameters_hide_options_is_not_deployed(stack: ClusterStack) -> None:
    """A parameter that deploy() takes for itself could never be given."""

    @kitaru.flow
    def tagged(tag: str) -> str:
        return tag

    with pytest.raises(KitaruUsageError, match="parameter 'tag'"):
        tagged.deploy(image="i", stack=stack)


def test_an_image_is_needed(stack: ClusterStack) -> None:
    """The message says where it can be given."""

    @kitaru.flow
    def bare() -> None:
        pass

    with pytest.raises(KitaruUsageError, match="image is missing"):
        bare.deploy(stack=stack)


def test_what_needs_a_build_is_refused_on_a_cluster(stack: ClusterStack, cluster: Cluster) -> None:
    """Images are not built there: what would need one is refused by its name."""
    with pytest.raises(KitaruFeatureNotAvailableError, match="apt_packages"):
        report.deploy(image={"base_image": "i", "apt_packages": ["jq"]}, stack=stack)
    report.deploy(image={"base_image": "i", "environment": {"MODE": "fast"}}, stack=stack)
    assert [(one.image, one.environment) for one in cluster.deployed] == [("i", {"MODE": "fast"})]


def test_a_flow_keeps_a_parameter_of_its_own_that_is_called_force(stack: ClusterStack, cluster: Cluster) -> None:
    """It is an input then, and nothing is taken over."""

    @kitaru.flow(image="registry.example/sort:1")
    def sort(*, force: bool) -> bool:
        return force

    sort.deploy(force=True, stack=stack)
    report.deploy(topic="tea", force=True, stack=stack)
    assert [(one.inputs, one.force) for one in cluster.deployed] == [({"force": True}, False), ({"topic": "tea"}, True)]


def test_a_version_keeps_the_settings_that_hold_where_it_is_made(stack: ClusterStack, cluster: Cluster) -> None:
    """What was resolved goes to the stack; defaults are filled in."""
    report.deploy(topic="tea", retries=2, cache=False, stack=stack)
    (asked,) = cluster.deployed
    assert asked.settings is not None
    kept = FrozenExecutionSpec.model_validate(asked.settings).resolved_execution
    assert (kept.stack, kept.retries, kept.cache, kept.timeout) == ("prod", 2, False, None)


def test_a_deployment_acts_on_its_version(stack: ClusterStack, cluster: Cluster) -> None:
    """It is tagged, untagged, started and deleted through what it is of; each change gives a new one (F6)."""
    report.deploy(topic="tea", stack=stack)
    first = report.deployment(version=1, stack=stack)
    assert first.add_tag("stable", exclusive=True).tags == {"stable": True}
    assert (first.remove_tag("stable").tags, first.tags) == ({}, {})
    first.invoke(topic="milk")
    assert cluster.started[-1].version == 1
    assert report.deployments(stack=stack) == [first]
    assert {first, report.deployment(stack=stack)} == {first}
    first.delete()
    assert report.deployments(stack=stack) == []


def test_the_client_needs_no_code(stack: ClusterStack, cluster: Cluster) -> None:
    """By the flow's name alone: list, get, and invoke of the default route (F14)."""
    report.deploy(topic="tea", stack=stack)
    client = kitaru.KitaruClient(stack=stack).deployments
    assert [one.version for one in client.list()] == [1]
    assert client.get(flow="report", version=1) == client.list(flow="report")[0]
    client.invoke(flow=" report ", inputs={"topic": "milk"})
    assert cluster.started == [Start(flow="report", inputs={"topic": "milk"})]
    with pytest.raises(KitaruUsageError, match="both missing"):
        client.get(flow="report")
    with pytest.raises(KitaruUsageError, match="flow is empty"):
        client.invoke(flow=" ")


def test_a_cluster_runs_deployed_versions_only(stack: ClusterStack) -> None:
    """Running from source names deploy and invoke."""
    with pytest.raises(KitaruFeatureNotAvailableError, match=r"report\.deploy\(image=\.\.\.\), then \.invoke"):
        report.run("tea", stack=stack)
