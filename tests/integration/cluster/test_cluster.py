"""The cluster is real: pods, names, services, S3, images, the audit log."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kitaru_cluster.cluster import Cluster
from kitaru_cluster.images import Image, Recipe
from kitaru_cluster.s3 import S3
from tests.integration.cluster import pods

RESOLVE = """
import socket
print(socket.gethostbyname("kubernetes.default.svc.cluster.local"))
socket.create_connection(("kubernetes.default.svc", 443), timeout=10).close()
"""


def test_a_bare_pod_runs(cluster: Cluster, python_image: Image) -> None:
    """A pod of a pinned image runs under the restricted profile, and its log can be read."""
    with cluster.namespace() as namespace:
        pod = pods.restricted("hello", python_image.pinned, ["python3", "-c", "print('hello')"])
        assert pods.printed(cluster, namespace, pod) == "hello\n"
        status = json.loads(cluster.kubectl("get", "pod", "hello", "-n", namespace, "-o=json"))
    assert status["status"]["containerStatuses"][0]["imageID"] == python_image.pinned


def test_names_of_services_resolve(cluster: Cluster, python_image: Image) -> None:
    """A pod resolves a service's name, and reaches the service by it."""
    with cluster.namespace() as namespace:
        pod = pods.restricted("resolve", python_image.tagged, ["python3", "-c", RESOLVE])
        assert pods.printed(cluster, namespace, pod) == "10.96.0.1\n"


def test_pods_reach_the_s3_server(cluster: Cluster, python_image: Image) -> None:
    """The S3 server's URL for pods answers in a pod."""
    code = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1] + '/health').status)"
    with cluster.namespace() as namespace:
        command = ["python3", "-c", code, cluster.s3.pod_url]
        pod = pods.restricted("s3", python_image.tagged, command)
        assert pods.printed(cluster, namespace, pod) == "200\n"


def test_the_restricted_profile_is_enforced(cluster: Cluster, python_image: Image) -> None:
    """A pod that may run as root is refused, with the field named."""
    with cluster.namespace() as namespace:
        run = ("run", "root", f"--image={python_image.tagged}", "-n", namespace)
        code, _, errors = cluster.try_kubectl(*run)
    assert code == 1
    assert "runAsNonRoot" in errors


@pytest.fixture(params=["in the cluster", "alone"])
def s3(request: pytest.FixtureRequest) -> S3:
    """Give the cluster's S3 server, and the one that runs without a cluster."""
    if request.param == "alone":
        return request.getfixturevalue("s3_server")
    return request.getfixturevalue("cluster").s3


def test_put_if_absent_has_one_winner(s3: S3) -> None:
    """Of sixteen racing writers of an absent key one wins, and the key holds its bytes."""
    bucket = s3.make_bucket()

    def put(writer: int) -> tuple[int, int]:
        body = f"writer {writer}".encode()
        status, _ = s3.request("PUT", f"/{bucket}/key", body, {"If-None-Match": "*"})
        return status, writer

    with ThreadPoolExecutor(16) as pool:
        results = sorted(pool.map(put, range(16)))
    assert [status for status, _ in results] == [200] + [412] * 15
    assert s3.request("GET", f"/{bucket}/key") == (200, f"writer {results[0][1]}".encode())


def test_packages_install_inside_an_image(cluster: Cluster, tmp_path: Path) -> None:
    """The pip inside a build reaches the index as the host's does; the image keeps what it got."""
    (tmp_path / "hello.py").write_text("import idna\nprint(idna.encode('königsgäßchen'))\n")
    (tmp_path / "Dockerfile").write_text(
        "ARG BASE_IMAGE=python:3.13-slim\nFROM $BASE_IMAGE\n"
        "RUN python -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir idna==3.10\n"
        'COPY hello.py /\nUSER 1000\nCMD ["/opt/venv/bin/python", "/hello.py"]\n'
    )
    recipe = Recipe("test-package", tmp_path / "Dockerfile", tmp_path, paths=("hello.py",))
    image = cluster.build_image(recipe)
    with cluster.namespace() as namespace:
        command = ["/opt/venv/bin/python", "/hello.py"]
        pod = pods.restricted("package", image.pinned, command)
        assert pods.printed(cluster, namespace, pod) == "b'xn--knigsgchen-b4a3dun'\n"
    assert cluster.build_image(recipe) == image


def test_the_audit_log_counts_requests(cluster: Cluster) -> None:
    """Each request to the API server stands in the audit log."""
    assert cluster.audit_log is not None
    cluster.kubectl("create", "configmap", "audited", "-n", "default")
    cluster.kubectl("delete", "configmap", "audited", "-n", "default")
    entries = [json.loads(line) for line in cluster.audit_log.read_text().splitlines()]
    named = [entry for entry in entries if entry.get("objectRef", {}).get("name") == "audited"]
    assert [entry["verb"] for entry in named if entry["verb"] != "get"] == ["create", "delete"]


def test_helm_reaches_the_cluster(cluster: Cluster) -> None:
    """The pinned helm speaks to the cluster: a namespace without a release has none."""
    with cluster.namespace("helm") as namespace:
        assert cluster.helm("list", "-n", namespace, "-o", "json") == "[]\n"
