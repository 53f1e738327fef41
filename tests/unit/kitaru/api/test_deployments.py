"""Deploying and invoking, as the ports of a cluster are asked for it."""

from datetime import UTC, datetime

import pytest
from pydantic import BaseModel, JsonValue

import kitaru
from kitaru.backends.memory import MemoryStore
from kitaru.connect import ClusterStack
from kitaru.core import paths
from kitaru.core.located import Located
from kitaru.core.phases import Phase
from kitaru.errors import KitaruFeatureNotAvailableError, KitaruUsageError
from kitaru.ports import Deploy, Deployed, Start

MADE = datetime(2026, 1, 1, tzinfo=UTC)


class Cluster:
    """A cluster that takes note of what it is asked, and runs nothing."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.started: list[Start] = []
        self.deployed: list[Deploy] = []

    def deploy(self, deploy: Deploy) -> Deployed:
        self.deployed.append(deploy)
        number = len(self.deployed)
        return Deployed(flow=deploy.flow, version=number, image=deploy.image, deployment=f"d{number}", created_at=MADE)

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

    cancel = retry

    def await_change(self, exec_id: str, timeout: float) -> None:
        raise LookupError(exec_id, timeout)


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
    return ClusterStack("prod", cluster, cluster)


def test_deploy_asks_for_a_version(stack: ClusterStack, cluster: Cluster) -> None:
    """Entrypoint, image, defaults, schema and tags go to the cluster; the version comes back."""
    made = report.deploy(topic="tea", style=Style(), tags=["stable"], stack=stack)
    (asked,) = cluster.deployed
    assert (asked.flow, asked.entrypoint) == ("report", f"{__name__}:report")
    assert (asked.image, asked.tags) == ("registry.example/report:1", ("stable",))
    assert asked.inputs == {"topic": "tea", "style": {"colour": "blue"}}
    assert asked.schema["required"] == ["topic"]
    assert (made.version, made.deployment_id, made.stack, made.created_at) == (1, "d1", "prod", MADE)
    assert report.deploy(image="other:2", stack=stack).image == "other:2"


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

    with pytest.raises(KitaruUsageError, match=r"deploy\(image=\.\.\.\)"):
        bare.deploy(stack=stack)


def test_a_cluster_runs_deployed_versions_only(stack: ClusterStack) -> None:
    """Running from source names deploy and invoke."""
    with pytest.raises(KitaruFeatureNotAvailableError, match=r"report\.deploy\(image=\.\.\.\), then \.invoke"):
        report.run("tea", stack=stack)
