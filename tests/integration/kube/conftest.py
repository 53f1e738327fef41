"""A real API server with the chart and without an operator: a test says what the operator would.

Not to be run in one session with the end-to-end tests, whose operator looks after every namespace.
"""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest
from pydantic import JsonValue

from kitaru.backends import kube
from kitaru.backends.kube_executions import KubeExecutions
from kitaru.backends.kube_flows import KubeFlows
from kitaru.backends.kube_settings import KubeSettings
from kitaru.backends.s3 import S3Settings
from kitaru_cluster.cluster import Cluster
from kitaru_cluster.fixture import cluster
from tests.integration.crds.installing import Release, installed

__all__ = ["cluster", "installed"]

TIME: Final = "2026-01-02T03:04:05Z"
#: Where large inputs go.
BUCKET: Final = "clients"


@dataclass(frozen=True, slots=True)
class Stack:
    """A namespace of its own, the client's ports on it, and the operator's part to be played."""

    cluster: Cluster
    settings: KubeSettings
    executions: KubeExecutions
    flows: KubeFlows

    def with_settings(self, **changes: str | Path) -> tuple[KubeExecutions, KubeFlows]:
        """Return the ports with other settings."""
        return kube.open_cluster(replace(self.settings, **changes))

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl in the namespace."""
        return self.cluster.kubectl(*arguments, "-n", self.settings.namespace, text=text)

    def get(self, name: str) -> dict[str, JsonValue]:
        """Return an object's spec; `name` is `kind/name`."""
        return json.loads(self.kubectl("get", name, "-o=jsonpath={.spec}"))

    def names(self, kind: str) -> list[str]:
        """Return the names of all objects of a kind, as `kind/name`."""
        return self.kubectl("get", kind, "-o=name").split()

    def say(self, name: str, **status: JsonValue) -> None:
        """Write fields of an object's status, as the operator does."""
        patch = json.dumps({"status": status})
        self.kubectl("patch", name, "--subresource=status", "--type=merge", "-p", patch)

    def deployed(self, name: str, tags: Mapping[str, int], *versions: int) -> None:
        """Make a flow with these versions and tags."""
        spec = {"entrypoint": "agents:research", "image": "registry/agents:1"}
        flow = {"apiVersion": "kitaru.dev/v1alpha1", "kind": "KitaruFlow", "metadata": {"name": name}, "spec": spec}
        self.kubectl("apply", "-f", "-", text=json.dumps(flow))
        listed: list[JsonValue] = [
            {"version": one, "image": "registry/agents:1", "createdAt": TIME} for one in versions
        ]
        self.say(f"kf/{name}", observedGeneration=1, versions=listed, tags=dict(tags))


@pytest.fixture(scope="module")
def shared(cluster: Cluster, installed: Release) -> Generator[Stack]:
    """Give a namespace and the client's ports on it; the chart's policies hold there."""
    made, body = cluster.s3.request("PUT", f"/{BUCKET}")
    assert made in {200, 409}, body
    with cluster.namespace(prefix=f"client-of-{installed.name}") as namespace:
        settings = KubeSettings(
            stack="test",
            namespace=namespace,
            kubeconfig=cluster.kubeconfig,
            s3=S3Settings(
                bucket=BUCKET,
                endpoint=cluster.s3.url,
                access_key=cluster.s3.access_key,
                secret_key=cluster.s3.secret_key,
            ),
        )
        yield Stack(cluster, settings, *kube.open_cluster(settings))


@pytest.fixture
def stack(shared: Stack) -> Generator[Stack]:
    """Give a namespace with nothing in it."""
    yield shared
    shared.kubectl("delete", "kf,kx,ka", "--all")
