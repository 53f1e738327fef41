"""An operator as a process on the host, with its service account's rights, on a real API server and S3 server.

No pod runs here, because its image does not exist: the test is the runner, and writes the journal itself.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
import yaml
from pydantic import JsonValue

from kitaru.backends import log
from kitaru.backends.boto3_store import Boto3Store
from kitaru.backends.clock import SystemClock
from kitaru.backends.ids import RandomIds
from kitaru.backends.s3 import S3Settings
from kitaru.core import paths
from kitaru.core.head import Head
from kitaru.core.journal import Record
from kitaru.core.paths import ExecutionPaths
from kitaru.core.protocol.writer import Identity
from kitaru.core.resources import model
from kitaru.core.resources.answer import KitaruAnswer
from kitaru.core.resources.execution import KitaruExecution
from kitaru.core.resources.flow import KitaruFlow
from kitaru.ports import Closed
from kitaru_cluster import waiting
from kitaru_cluster.cluster import Cluster
from tests.integration.crds.installing import Release

IMAGE: Final = "registry.invalid/nobody/agents:1"
_READY_SECONDS: Final = 60
_STOP_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Operated:
    """A namespace that an operator watches, and the hands of everybody else: people, kubelet, runner."""

    cluster: Cluster
    namespace: str
    bucket: str
    operator: "Operator"

    def create(self, kind: str, name: str, spec: Mapping[str, object]) -> None:
        """Create a resource; nulls stay, as they would not with apply."""
        body = {
            "apiVersion": model.API_VERSION,
            "kind": kind,
            "metadata": {"name": name},
            "spec": spec,
        }
        self.cluster.kubectl("create", "-n", self.namespace, "-f", "-", text=json.dumps(body))

    def answer_with(self, name: str, wait: str, **given: object) -> None:
        """Answer a wait of x1, as the person that this test is."""
        path = "-o=jsonpath={.status.userInfo.username}"
        person = self.cluster.kubectl("auth", "whoami", path)
        spec = {"execution": "x1", "wait": wait, "answeredBy": person, **given}
        self.create("KitaruAnswer", name, spec)

    def patch(self, what: str, name: str, spec: Mapping[str, object]) -> None:
        """Change a resource's spec."""
        body = json.dumps({"spec": spec})
        self.cluster.kubectl("patch", what, name, "-n", self.namespace, "--type=merge", "-p", body)

    def delete(self, what: str, name: str) -> None:
        """Delete an object without waiting until it is gone."""
        self.cluster.kubectl("delete", what, name, "-n", self.namespace, "--wait=false")

    def execution(self, name: str) -> KitaruExecution:
        """Return the execution as the API server has it."""
        return model.read(KitaruExecution, self._get("kx", name))

    def flow(self, name: str) -> KitaruFlow:
        """Return the flow as the API server has it."""
        return model.read(KitaruFlow, self._get("kf", name))

    def answer(self, name: str) -> KitaruAnswer:
        """Return the answer as the API server has it."""
        return model.read(KitaruAnswer, self._get("ka", name))

    def pods(self) -> list[str]:
        """Return the names of the pods that are not being deleted."""
        found = json.loads(self.cluster.kubectl("get", "pods", "-n", self.namespace, "-o=json"))
        metadata = [one["metadata"] for one in found["items"]]
        return [one["name"] for one in metadata if "deletionTimestamp" not in one]

    def await_phase(self, name: str, phase: str, seconds: float = 30) -> KitaruExecution:
        """Wait until the execution's phase is this one, and return it."""

        def reached() -> bool:
            return self.execution(name).status.phase == phase

        try:
            waiting.until(reached, f"{name} to be {phase}", seconds=seconds)
        except Exception as error:
            error.add_note(self.execution(name).model_dump_json(indent=1, exclude_none=True))
            error.add_note(self.operator.tail())
            raise
        return self.execution(name)

    def await_attempt(self, name: str, attempt: int, seconds: float = 30) -> str:
        """Wait until the attempt has a pod, and return the pod's name."""

        def there() -> bool:
            status = self.execution(name).status
            return status.attempt == attempt and any(one.endswith(f"-{attempt}") for one in self.pods())

        try:
            waiting.until(there, f"attempt {attempt} of {name} to have a pod", seconds=seconds)
        except Exception as error:
            error.add_note(self.execution(name).model_dump_json(indent=1, exclude_none=True))
            error.add_note(self.operator.tail())
            raise
        return next(one for one in self.pods() if one.endswith(f"-{attempt}"))

    def await_no_pod(self, seconds: float = 30) -> None:
        """Wait until no pod is left that is not being deleted."""
        waiting.until(lambda: not self.pods(), "all pods to be deleted", seconds=seconds)

    def paths(self, name: str) -> ExecutionPaths:
        """Return where the execution's data lies."""
        return paths.execution("journals", self.namespace, self.execution(name).metadata.uid)

    @property
    def store(self) -> Boto3Store:
        """The bucket."""
        s3 = self.cluster.s3
        settings = S3Settings(
            bucket=self.bucket,
            endpoint=s3.url,
            region=s3.region,
            access_key=s3.access_key,
            secret_key=s3.secret_key,
        )
        return Boto3Store(settings)

    def head(self, name: str) -> Head:
        """Return the head of the execution's log."""
        return log.read_head(self.store, self.paths(name))

    def run(self, name: str, *records: Record) -> bool:
        """Be the attempt's runner: claim, fence, append the records at once; return whether it was let."""
        status, spec = self.execution(name).status, self.execution(name).spec
        identity = Identity(epoch=status.attempt, writer=RandomIds().new(), allowance=spec.retry)
        mine = log.ObjectJournal(self.store, self.paths(name), identity, SystemClock())
        if isinstance(mine.open(), Closed):
            return False
        if records:
            mine.append(records)
        mine.close()
        return True

    def head_at(self, where: ExecutionPaths) -> Head:
        """Return the head of a log, also of an execution that is gone."""
        return log.read_head(self.store, where)

    def exists(self, what: str, name: str) -> bool:
        """Whether there is such an object."""
        return self.cluster.try_kubectl("get", what, name, "-n", self.namespace)[0] == 0

    def events(self) -> list[str]:
        """Return the reasons of the Events about executions."""
        path = "-o=jsonpath={.items[*].reason}"
        about = "--field-selector=involvedObject.kind=KitaruExecution"
        return self.cluster.kubectl("get", "events", "-n", self.namespace, about, path).split()

    def reason(self, condition: str) -> str:
        """Return the reason of a condition of x1, empty if there is none."""
        found = [one for one in self.execution("x1").status.conditions if one.type == condition]
        return found[0].reason if found else ""

    def with_credentials(self) -> None:
        """Make the Secret that runners take the store's credentials from."""
        keys = ("--from-literal=AWS_ACCESS_KEY_ID=a", "--from-literal=AWS_SECRET_ACCESS_KEY=b")
        self.cluster.kubectl("create", "secret", "generic", "kitaru-s3", "-n", self.namespace, *keys)

    def pullable(self) -> str:
        """Return an image that the node has."""
        path = "-o=jsonpath={.items[0].status.images[0].names[0]}"
        return self.cluster.kubectl("get", "nodes", path)

    def beside(self) -> "Operator":
        """Return a second operator, not started, on the same namespace."""
        port = _free_port()
        environment = {**self.operator.environment, "KITARU_HEALTH_PORT": str(port)}
        return Operator(environment, self.operator.log.with_name("second.log"), port)

    def _get(self, what: str, name: str) -> dict[str, JsonValue]:
        found = self.cluster.kubectl("get", what, name, "-n", self.namespace, "-o=json")
        return json.loads(found)


@dataclass(slots=True)
class Operator:
    """The operator's process, which a test may kill and start again."""

    environment: Mapping[str, str]
    log: Path
    port: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    def start(self) -> None:
        """Start a process and wait until it is ready."""
        argv = (sys.executable, "-m", "kitaru_operator")
        with self.log.open("ab") as output:
            self.processes.append(subprocess.Popen(argv, env=self.environment, stdout=output, stderr=output))
        try:
            waiting.until(self.is_ready, "the operator to be ready", seconds=_READY_SECONDS)
        except Exception as error:
            error.add_note(self.tail())
            raise

    def kill(self) -> None:
        """Kill all processes, at any instruction."""
        for one in self.processes:
            one.kill()
            one.wait(_STOP_SECONDS)
        self.processes.clear()

    def stop(self) -> list[int]:
        """End all processes as a kubelet would, and return their exit codes."""
        for one in self.processes:
            one.terminate()
        codes = [one.wait(_STOP_SECONDS) for one in self.processes]
        self.processes.clear()
        return codes

    def is_ready(self) -> bool:
        """Whether its readiness probe succeeds."""
        try:
            url = f"http://127.0.0.1:{self.port}/readyz"
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def tail(self) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text().splitlines()[-30:])


@pytest.fixture(scope="session")
def credentials(cluster: Cluster, installed: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a kubeconfig of the operator's own service account: what the chart does not grant it cannot do."""
    accounts = cluster.kubectl("get", "sa", "-n", installed.namespace, "-o=name").split()
    account = next(one for one in accounts if one.endswith("-operator"))
    name = account.removeprefix("serviceaccount/")
    token = cluster.kubectl("create", "token", name, "-n", installed.namespace, "--duration=8h")
    body = yaml.safe_load(cluster.kubeconfig.read_text())
    body["users"] = [{"name": user["name"], "user": {"token": token}} for user in body["users"]]
    path = tmp_path_factory.mktemp("operator") / "kubeconfig"
    path.write_text(yaml.safe_dump(body))
    path.chmod(0o600)
    return path


@pytest.fixture
def operated(cluster: Cluster, credentials: Path, tmp_path: Path) -> Generator[Operated]:
    """Give a namespace and the operator that watches it."""
    with cluster.namespace("operator") as namespace:
        bucket = cluster.s3.make_bucket()
        with _operator(cluster, credentials, namespace, bucket, tmp_path) as operator:
            operator.start()
            yield Operated(cluster, namespace, bucket, operator)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def _operator(cluster: Cluster, kubeconfig: Path, namespace: str, bucket: str, folder: Path) -> Generator[Operator]:
    port = _free_port()
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "KUBECONFIG": str(kubeconfig),
        "KITARU_S3_BUCKET": bucket,
        "KITARU_S3_ENDPOINT": cluster.s3.url,
        "KITARU_S3_REGION": cluster.s3.region,
        "KITARU_S3_PREFIX": "journals",
        "KITARU_WATCH_NAMESPACES": namespace,
        "KITARU_HEALTH_HOST": "127.0.0.1",
        "KITARU_HEALTH_PORT": str(port),
        "AWS_ACCESS_KEY_ID": cluster.s3.access_key,
        "AWS_SECRET_ACCESS_KEY": cluster.s3.secret_key,
        "PYTHONWARNINGS": "default",
    }
    operator = Operator(environment, folder / "operator.log", port)
    try:
        yield operator
    finally:
        operator.kill()
