"""The stacks on which the Executions port is tried: this computer, and a cluster with the operator."""

import io
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from pydantic import JsonValue

from kitaru.backends import kube
from kitaru.backends.clock import SystemClock
from kitaru.backends.ids import RandomIds
from kitaru.backends.kube_settings import KubeSettings
from kitaru.backends.s3 import S3Settings
from kitaru.backends.sqlite import SqliteStore
from kitaru.connect import LocalStack
from kitaru.core import frozen, inputs
from kitaru.core.phases import Phase
from kitaru.core.settings import KitaruConfig
from kitaru.flows import Flow
from kitaru.local.executions import LocalExecutions
from kitaru.local.flows import LocalFlows
from kitaru.local.locks import Locks
from kitaru.local.registry import LOADED
from kitaru.local.site import NAME, Site
from kitaru.local.terminal import Terminal
from kitaru.ports import Deploy, Deployed, Executions, Flows, Start
from kitaru_cluster import install, waiting
from kitaru_cluster.cluster import Cluster
from kitaru_cluster.fixture import cluster
from kitaru_cluster.images import Image, Recipe
from tests.contract.executions.flows import agents

__all__ = ["cluster"]

FLOWS: Final = Path(__file__).parent / "flows"
FLOWS_HERE: Final = (agents.contract_echo, agents.contract_asks, agents.contract_fails)
STACKS: Final = ("local", pytest.param("kube", marks=pytest.mark.e2e))
SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A stack on which the flows can be started: `begin` takes the flow's name and its inputs."""

    executions: Executions
    flows: Flows
    begin: Callable[[str, Mapping[str, JsonValue]], str]
    image: str | None = None

    def start(self, flow: str, **given: JsonValue) -> str:
        """Start an execution, where the stack can from the code that is loaded here."""
        return self.begin(flow, given)

    def deploy(self, flow: str, **tags: bool) -> Deployed:
        """Make a version of `contract_echo`, under this name and with a default for its input."""
        definition = agents.contract_echo.definition
        return self.flows.deploy(
            Deploy(
                flow=flow,
                entrypoint=definition.entrypoint,
                file=agents.__file__,
                image=self.image,
                inputs={"topic": "tea"},
                schema=inputs.input_schema(definition),
                tags=tags,
            )
        )

    def await_phase(self, exec_id: str, phase: Phase) -> None:
        """Wait until the execution is in a phase, as a handle waits."""

        def reached() -> bool:
            if self.executions.locate(exec_id).phase is phase:
                return True
            self.executions.await_change(exec_id, 1.0)
            return False

        waiting.until(reached, f"{exec_id} to be {phase}", seconds=SECONDS)


@contextmanager
def _local(folder: Path) -> Generator[Subject]:
    clock = SystemClock()
    with SqliteStore(folder) as store:
        site = Site(
            store=store,
            locks=Locks(folder / "locks", clock),
            flows=LOADED,
            terminal=Terminal(io.StringIO(), io.StringIO()),
            clock=clock,
            ids=RandomIds(),
            user="somebody",
        )
        stack = LocalStack(NAME, LocalExecutions(site), LocalFlows(site))

        def run(flow: str, given: Mapping[str, JsonValue]) -> str:
            found = next(one.definition for one in FLOWS_HERE if one.definition.name == flow)
            settings = frozen.freeze(NAME, KitaruConfig(), KitaruConfig())
            return stack.executions.run(found, inputs.validate_inputs(found, (), given), settings)

        yield Subject(stack.executions, stack.flows, run)


def _deploy(flows: Flows, flow: Flow[str], image: Image) -> None:
    definition = flow.definition
    flows.deploy(
        Deploy(
            flow=definition.name,
            entrypoint=definition.entrypoint,
            image=image.pinned,
            inputs={},
            schema=inputs.input_schema(definition),
        )
    )


@pytest.fixture(scope="session")
def kube_subject(request: pytest.FixtureRequest) -> Generator[Subject]:
    """Give a namespace with the flows deployed, on a cluster with the operator installed."""
    found: Cluster = request.getfixturevalue("cluster")
    installed = install.operator(found)
    image = install.flow_image(found, installed, Recipe("contract-flows", FLOWS / "Dockerfile", FLOWS))
    keys = {"access_key": found.s3.access_key, "secret_key": found.s3.secret_key}
    with found.namespace("contract") as namespace:
        install.provide(found, namespace)
        settings = KubeSettings(
            stack="contract",
            namespace=namespace,
            kubeconfig=found.kubeconfig,
            s3=S3Settings(bucket=installed.bucket, endpoint=found.s3.url, region=found.s3.region, **keys),
        )
        executions, flows = kube.open_cluster(settings)
        for flow in FLOWS_HERE:
            _deploy(flows, flow, image)
        yield Subject(
            executions, flows, lambda flow, given: executions.start(Start(flow=flow, inputs=given)), image.pinned
        )


@pytest.fixture(params=STACKS)
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Subject]:
    """Give each stack in turn."""
    if request.param == "local":
        with _local(tmp_path) as local:
            yield local
    else:
        yield request.getfixturevalue("kube_subject")
