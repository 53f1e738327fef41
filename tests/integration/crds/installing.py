"""A release of the chart with no operator running: what the API server holds, it holds alone."""

import contextlib
import secrets
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from kitaru_cluster import waiting
from kitaru_cluster.cluster import Cluster
from tests.integration.crds import objects

ROOT: Final = Path(__file__).parents[3]
_EFFECTIVE_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Release:
    """A release of the chart: its name, which its roles begin with, and its namespace."""

    name: str
    namespace: str


@pytest.fixture(scope="session")
def installed(cluster: Cluster) -> Generator[Release]:
    """Install CRDs, roles and policies for this session, under a name that no other release has.

    Where the cluster has the CRDs already, another release owns them: they are brought up to date and stay.
    """
    name = f"kitaru-{secrets.token_hex(3)}"
    release = Release(name, name)
    there = cluster.try_kubectl("get", "crd", "kitaruflows.kitaru.dev")[0] == 0
    if there:
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    values = f"image.repository=none,s3.bucket=none,replicas=0,crds.keep=false,crds.install={str(not there).lower()}"
    chart = str(ROOT / "charts" / "kitaru")
    cluster.helm("install", name, chart, "-n", name, "--create-namespace", "--set", values)
    try:
        cluster.kubectl("wait", "--for=condition=Established", "-f", str(ROOT / "crds"))
        _await_policies(cluster)
        yield release
    finally:
        cluster.helm("uninstall", name, "-n", name, "--wait")
        cluster.kubectl("delete", "namespace", name, "--wait=false")


def _await_policies(cluster: Cluster) -> None:
    """Wait until the API server holds the policies, which is not at once."""

    def refused() -> bool:
        stranger = objects.answer(value=1, answeredBy="somebody-else")
        return objects.create(cluster, "default", stranger, dry_run=True) is not None

    waiting.until(refused, "the admission policies to be held", seconds=_EFFECTIVE_SECONDS)


@contextlib.contextmanager
def peopled(cluster: Cluster, release: Release) -> Generator[str]:
    """Give a namespace with people in it.

    Vic views, alice and bob approve, ivy invokes, eve edits what is Kitaru's, dan edits everything.
    """
    roles = {"vic": "viewer", "alice": "approver", "bob": "approver", "ivy": "invoker", "eve": "editor"}
    bound = {person: f"{release.name}-{role}" for person, role in roles.items()} | {"dan": "edit"}
    with cluster.namespace("crds") as name:
        cluster.apply(*(_bound(person, role) for person, role in bound.items()), namespace=name)
        yield name


def _bound(person: str, role: str) -> dict[str, object]:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": person},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": person}],
    }


@pytest.fixture(scope="session")
def namespace(cluster: Cluster, installed: Release) -> Generator[str]:
    """Give a namespace with people for tests that name their objects, or let them be named."""
    with peopled(cluster, installed) as name:
        yield name


@pytest.fixture
def fresh(cluster: Cluster, installed: Release) -> Generator[str]:
    """Give a namespace with people, and nothing else, for one test."""
    with peopled(cluster, installed) as name:
        yield name
