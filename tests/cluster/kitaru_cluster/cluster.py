"""The cluster as tests see it: how to reach each of its parts."""

import contextlib
import json
import os
import secrets
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kitaru_cluster import build, containers, images, pins, shell, waiting
from kitaru_cluster.errors import ClusterError
from kitaru_cluster.run import Run
from kitaru_cluster.s3 import S3

_COMMAND_SECONDS = 60.0
_HELM_SECONDS = 300.0
_DELETE_SECONDS = 90.0

RESTRICTED = ("pod-security.kubernetes.io/enforce=restricted",)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster.

    `audit_log` and `run` are None for a cluster that this project did not start itself.
    """

    kubeconfig: Path
    s3: S3
    registry: images.Registry
    audit_log: Path | None = None
    run: Run | None = None

    def kubectl(self, *arguments: str, text: str | None = None, timeout: float = 60) -> str:
        """Run kubectl and return its output. Raises ClusterError with what it said if it fails.

        `text` is its standard input, for `-f -`.
        """
        return shell.run(self._kubectl(arguments), shell.Options(text=text, timeout=timeout))

    def try_kubectl(self, *arguments: str, text: str | None = None) -> tuple[int, str, str]:
        """Run kubectl and return its exit code, output and errors: for requests to be refused."""
        options = shell.Options(text=text, timeout=_COMMAND_SECONDS)
        return shell.attempt(self._kubectl(arguments), options)

    def apply(self, *manifests: Mapping[str, object], namespace: str = "default") -> None:
        """Create or change objects, given as manifests in Python."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        self.kubectl("apply", "-n", namespace, "-f", "-", text=text)

    def helm(self, *arguments: str, timeout: float = _HELM_SECONDS) -> str:
        """Run helm and return its output. Raises ClusterError with what it said if it fails."""
        (folder,) = build.tools((pins.HELM,))
        argv = (str(folder / "helm"), f"--kubeconfig={self.kubeconfig}", *arguments)
        home = str(self.kubeconfig.parent / "helm")
        places = {f"HELM_{kind}_HOME": home for kind in ("CACHE", "CONFIG", "DATA")}
        return shell.run(argv, shell.Options(timeout=timeout, env=places))

    def build_image(self, recipe: images.Recipe) -> images.Image:
        """Build an image unless an unchanged one is there, push it, and say how pods name it."""
        return images.build(recipe, self.registry)

    @contextlib.contextmanager
    def namespace(self, prefix: str = "test", labels: tuple[str, ...] = RESTRICTED) -> Generator[str]:
        """Give a namespace of its own, by default one that enforces the restricted profile.

        Its pods are killed and it is deleted at the end, without waiting for the deletion.
        """
        name = f"{prefix}-{secrets.token_hex(3)}"
        self.kubectl("create", "namespace", name)
        if labels:
            self.kubectl("label", "namespace", name, *labels)
        self.await_object("serviceaccount/default", name)
        try:
            yield name
        finally:
            force = ("--all", "--force", "--grace-period=0", "--wait=false")
            self.kubectl("delete", "pod", "-n", name, *force)
            self.kubectl("delete", "namespace", name, "--wait=false", timeout=_DELETE_SECONDS)

    def await_object(self, name: str, namespace: str, seconds: float = 30) -> None:
        """Wait until an object, named as `kind/name`, exists."""

        def exists() -> bool:
            return self.try_kubectl("get", "-n", namespace, name)[0] == 0

        waiting.until(exists, f"{name} in {namespace} to exist", seconds=seconds)

    def await_pod(self, name: str, namespace: str, phase: str, seconds: float = 60) -> None:
        """Wait until a pod is in a phase; the error shows the pod when it is not in time."""

        def reached() -> bool:
            asked = ("get", "pod", name, "-n", namespace, "-o=jsonpath={.status.phase}")
            return self.kubectl(*asked) == phase

        try:
            waiting.until(reached, f"pod {namespace}/{name} to be {phase}", seconds=seconds, interval=0.2)
        except ClusterError as error:
            described = self.kubectl("describe", "pod", name, "-n", namespace)
            message = f"{error}\n{described}"
            raise ClusterError(message) from error

    def processes(self, pod: str, namespace: str) -> tuple[int, ...]:
        """Return the host's ids of the processes in a pod's first container, its first one first.

        Raises ClusterError on a cluster that runs on another machine.
        """
        if self.run is None:
            message = "the processes of a cluster on another machine cannot be reached"
            raise ClusterError(message)
        asked = "-o=jsonpath={.status.containerStatuses[0].containerID}"
        container = self.kubectl("get", "pod", pod, "-n", namespace, asked)
        return containers.running(self.run, container)

    def _kubectl(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        (folder,) = build.tools((pins.KUBE,))
        return (str(folder / "kubectl"), f"--kubeconfig={self.kubeconfig}", *arguments)


def described(run: Run) -> Cluster:
    """Return the cluster of a run that is ready."""
    facts = json.loads(run.description.read_text())
    return Cluster(
        kubeconfig=run.kubeconfig,
        s3=S3(**facts["s3"]),
        registry=images.Registry(**facts["registry"]),
        audit_log=run.audit_log,
        run=run,
    )


def given(kubeconfig: Path) -> Cluster:
    """Return the cluster that a person names by its kubeconfig.

    Beside the kubeconfig of a cluster of this project lies its description. For any other, the
    environment says the rest: `KITARU_TEST_S3_URL`, `KITARU_TEST_S3_POD_URL` (the same, unless
    said), `KITARU_TEST_S3_REGION` (us-east-1, unless said), `AWS_ACCESS_KEY_ID`,
    `AWS_SECRET_ACCESS_KEY`, `KITARU_TEST_REGISTRY_PUSH` and `KITARU_TEST_REGISTRY_PULL`.
    """
    run = Run(kubeconfig.parent)
    if run.description.exists():
        return described(run)
    url = _variable("KITARU_TEST_S3_URL")
    push = _variable("KITARU_TEST_REGISTRY_PUSH")
    return Cluster(
        kubeconfig=kubeconfig,
        s3=S3(
            url=url,
            pod_url=os.environ.get("KITARU_TEST_S3_POD_URL", url),
            access_key=_variable("AWS_ACCESS_KEY_ID"),
            secret_key=_variable("AWS_SECRET_ACCESS_KEY"),
            region=os.environ.get("KITARU_TEST_S3_REGION", "us-east-1"),
        ),
        registry=images.Registry(push, os.environ.get("KITARU_TEST_REGISTRY_PULL", push)),
    )


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        message = f"KITARU_TEST_KUBECONFIG names a cluster, so {name} must be set too"
        raise ClusterError(message)
    return value
