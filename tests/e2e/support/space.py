"""A namespace for one test, and what a person and a program do in it."""

import json
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import JsonValue

from kitaru import KitaruClient
from kitaru.backends import kube, log
from kitaru.backends.boto3_store import Boto3Store
from kitaru.backends.kube_settings import KubeSettings
from kitaru.backends.s3 import S3Settings
from kitaru.connect import ClusterStack
from kitaru.core import paths
from kitaru.core.head import Head, OpenWait
from kitaru.core.journal import Record
from kitaru.core.paths import ExecutionPaths
from kitaru.core.resources import model
from kitaru.core.resources.answer import KitaruAnswer
from kitaru.core.resources.conditions import Condition, ExecutionCondition
from kitaru.core.resources.execution import ExecutionStatus, KitaruExecution
from kitaru.core.resources.flow import KitaruFlow
from kitaru.core.resources.model import Resource
from kitaru_cluster import install, waiting
from kitaru_cluster.cluster import Cluster
from kitaru_cluster.images import Image
from kitaru_cluster.install import Installation
from tests.e2e.support.api import Api, Body

#: Seconds for what takes a pod's start, on a machine that is busy with others.
PATIENCE: Final = 90.0
_INTERVAL: Final = 0.1
#: Where the flows of these tests lie, here and in their image.
_PACKAGE: Final = "tests.e2e.flows"

T = TypeVar("T")
R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of an attempt. `leaving` says that its deletion was asked for."""

    name: str
    uid: str
    execution: str
    attempt: int
    phase: str
    leaving: bool


@dataclass(frozen=True, slots=True)
class Space:
    """A namespace that enforces the restricted profile, with the store's credentials, under the installed operator.

    `image` holds the flows of these tests.
    """

    cluster: Cluster
    installed: Installation
    image: Image
    api: Api
    store: Boto3Store
    namespace: str

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl in the namespace."""
        return self.cluster.kubectl("-n", self.namespace, *arguments, text=text)

    def try_kubectl(self, *arguments: str, text: str | None = None) -> tuple[int, str, str]:
        """Run kubectl in the namespace and return its exit code, output and errors."""
        return self.cluster.try_kubectl("-n", self.namespace, *arguments, text=text)

    def deploy(self, entrypoint: str, name: str | None = None, **spec: JsonValue) -> str:
        """Apply a flow of these tests, `module:function`, and return the resource's name.

        Its calls take nothing from other executions, since tests count what each of them does.
        """
        chosen = name or entrypoint.rpartition(":")[2].replace("_", "-")
        body = manifest(
            "KitaruFlow",
            chosen,
            {"entrypoint": f"{_PACKAGE}.{entrypoint}", "image": self.image.pinned, "cache": False, **spec},
        )
        self.kubectl("apply", "-f", "-", text=json.dumps(body))
        return chosen

    def start(self, flow: str, spec: Mapping[str, JsonValue] | None = None, **inputs: JsonValue) -> str:
        """Create an execution of a flow and return its name."""
        body = manifest("KitaruExecution", None, {"flow": flow, "inputs": inputs, **(spec or {})})
        body["metadata"] = {"generateName": f"{flow}-"}
        return name_of(self.api.create(self._path("kitaruexecutions"), body))

    def answer(self, execution: str, wait: str, value: JsonValue = None, *, abort: bool = False) -> str:
        """Create an answer, or an abort, and return its name."""
        given: Body = {"abort": True} if abort else {"value": value}
        body = manifest("KitaruAnswer", None, {"execution": execution, "wait": wait, **given})
        body["metadata"] = {"generateName": f"{wait.replace('_', '-')}-"}
        return name_of(self.api.create(self._path("kitaruanswers"), body))

    def change(self, execution: str, **spec: JsonValue) -> None:
        """Change fields of an execution's spec."""
        self.api.patch(self._path("kitaruexecutions", execution), {"spec": spec})

    def execution(self, name: str) -> KitaruExecution:
        """Return the execution as the API server has it."""
        return self._read(KitaruExecution, name)

    def status(self, name: str) -> ExecutionStatus:
        """Return the execution's status."""
        return self.execution(name).status

    def condition(self, name: str, type_: ExecutionCondition) -> Condition | None:
        """Return a condition of the execution."""
        return next((one for one in self.status(name).conditions if one.type == type_), None)

    def verdict(self, answer: str) -> KitaruAnswer:
        """Return the answer as the API server has it."""
        return self._read(KitaruAnswer, answer)

    def flow(self, name: str) -> KitaruFlow:
        """Return the flow as the API server has it."""
        return self._read(KitaruFlow, name)

    def pods(self, execution: str | None = None) -> list[Pod]:
        """Return the runner pods that exist, of one execution or of all."""
        found = self.api.items(self._path("pods"), labelSelector=model.EXECUTION_LABEL)
        every = [pod for body in found if (pod := _pod(body)) is not None]
        return [pod for pod in every if execution in {None, pod.execution}]

    def until(self, condition: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
        """Wait for a condition; when it is not in time, the error shows what the namespace looked like."""
        try:
            return waiting.until(condition, what, seconds=seconds, interval=_INTERVAL)
        except Exception as error:
            error.add_note(self.kubectl("get", "kf,kx,ka,pods", "-o", "wide"))
            error.add_note(self.kubectl("get", "events", "--sort-by=.lastTimestamp"))
            error.add_note(self.operator_log())
            raise

    def await_phase(self, name: str, *phases: str, seconds: float = PATIENCE) -> ExecutionStatus:
        """Wait until the execution's phase is one of these, and return its status then."""

        def reached() -> ExecutionStatus | None:
            status = self.status(name)
            return status if status.phase in phases else None

        return self.until(reached, f"{name} to be {' or '.join(phases)}", seconds)

    def await_question(self, execution: str, seconds: float = PATIENCE) -> OpenWait:
        """Wait until the execution's journal says that it asks, and return its oldest question."""
        return self.until(lambda: next(iter(self.head(execution).waits), None), f"{execution} to ask", seconds)

    def await_verdict(self, answer: str, seconds: float = PATIENCE) -> KitaruAnswer:
        """Wait until the answer is accepted or refused, and return it."""

        def decided() -> KitaruAnswer | None:
            found = self.verdict(answer)
            return found if found.status.phase in {"Accepted", "Refused"} else None

        return self.until(decided, f"a verdict on {answer}", seconds)

    def await_no_pod(self, execution: str, seconds: float = PATIENCE) -> None:
        """Wait until no pod of the execution exists, not even one that is going."""
        self.until(lambda: not self.pods(execution), f"no pod of {execution} to be left", seconds)

    def await_pod(self, execution: str, attempt: int, seconds: float = PATIENCE) -> Pod:
        """Wait until the attempt's pod runs, and return it."""

        def running() -> Pod | None:
            return next((pod for pod in self.pods(execution) if (pod.attempt, pod.phase) == (attempt, "Running")), None)

        return self.until(running, f"the pod of attempt {attempt} of {execution} to run", seconds)

    @property
    def client(self) -> KitaruClient:
        """A program's client for this namespace."""
        return KitaruClient(self.stack)

    @property
    def stack(self) -> ClusterStack:
        """This namespace as a program's stack."""
        s3 = self.cluster.s3
        settings = KubeSettings(
            stack="e2e",
            namespace=self.namespace,
            kubeconfig=self.cluster.kubeconfig,
            s3=S3Settings(
                bucket=self.installed.bucket,
                endpoint=s3.url,
                region=s3.region,
                access_key=s3.access_key,
                secret_key=s3.secret_key,
            ),
        )
        executions, flows = kube.open_cluster(settings)
        return ClusterStack(settings.stack, executions, flows)

    def paths(self, name: str) -> ExecutionPaths:
        """Return where the execution's data lies."""
        return paths.execution("", self.namespace, self.execution(name).metadata.uid)

    def head(self, name: str) -> Head:
        """Return what the execution's journal says."""
        return log.read_head(self.store, self.paths(name))

    def records(self, name: str) -> list[Record]:
        """Return every record of the execution's journal, in order."""
        return [record for slot in log.read_slots(self.store, self.paths(name)) for record in slot.records]

    def lines(self, name: str) -> list[Body]:
        """Return the lines of the execution's log, in the order of attempts."""
        root = f"{self.paths(name).root}/telemetry/"
        bodies = [self.store.get(key) or b"" for key in sorted(one.key for one in self.store.list(root))]
        return [json.loads(line) for body in bodies for line in body.splitlines()]

    def effects(self, name: str) -> Counter[str]:
        """Return how often each effect took place, as checkpoints' bodies counted it in the bucket."""
        root = self._room(name, "effects")
        return Counter(one.key.removeprefix(root).partition("/")[0] for one in self.store.list(root))

    def await_effect(self, name: str, effect: str, times: int = 1, seconds: float = PATIENCE) -> None:
        """Wait until an effect took place that often."""
        self.until(lambda: self.effects(name)[effect] >= times, f"{effect} of {name} to take place", seconds)

    def open_gate(self, name: str, gate: str) -> None:
        """Let whatever body of the execution waits at a gate go on, now or later."""
        self.store.put(f"{self._room(name, 'gates')}{gate}", b"open")

    def operator_log(self) -> str:
        """Return the end of the operator's log."""
        return self.cluster.kubectl(
            "logs", "-n", self.installed.namespace, "-l", "app.kubernetes.io/name=kitaru-operator", "--tail=40"
        )

    def _room(self, name: str, kind: str) -> str:
        return f"{self.namespace}/{kind}/{name}/"

    def _path(self, kind: str, name: str | None = None) -> str:
        group = "/api/v1" if kind == "pods" else f"/apis/{model.API_VERSION}"
        path = f"{group}/namespaces/{self.namespace}/{kind}"
        return path if name is None else f"{path}/{name}"

    def _read(self, kind: type[R], name: str) -> R:
        found = self.api.get(self._path(kind.plural, name))
        assert found is not None, f"{kind.kind} {name} is gone"
        return model.read(kind, found)

    def delete_pod(self, pod: Pod, *, grace: int | None = None) -> None:
        """Delete a pod; with a grace of 0 its object is gone at once, whatever runs."""
        self.api.delete(self._path("pods", pod.name), grace=grace)


@contextmanager
def opened(cluster: Cluster, installed: Installation, image: Image, store: Boto3Store) -> Generator[Space]:
    """Give a new namespace, whose pods are killed at the end."""
    with cluster.namespace("e2e") as namespace, Api(cluster.kubeconfig) as api:
        install.provide(cluster, namespace)
        yield Space(cluster, installed, image, api, store, namespace)


def manifest(kind: str, name: str | None, spec: Mapping[str, JsonValue]) -> Body:
    """Return a manifest of one of our kinds."""
    return {"apiVersion": model.API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}


def name_of(body: Mapping[str, JsonValue]) -> str:
    """Return an object's name."""
    return str(_map(body, "metadata")["name"])


def owners(body: Mapping[str, JsonValue]) -> Iterator[Body]:
    """Yield an object's owner references."""
    listed = _map(body, "metadata").get("ownerReferences")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict):
            yield one


def _map(body: Mapping[str, JsonValue], field: str) -> Body:
    found = body.get(field)
    return found if isinstance(found, dict) else {}


def _pod(body: Body) -> Pod | None:
    metadata = _map(body, "metadata")
    owner = next(owners(body), None)
    attempt = str(_map(metadata, "labels").get(model.ATTEMPT_LABEL))
    if owner is None or not attempt.isdecimal():
        return None
    return Pod(
        name=str(metadata["name"]),
        uid=str(metadata["uid"]),
        execution=str(owner["name"]),
        attempt=int(attempt),
        phase=str(_map(body, "status").get("phase")),
        leaving="deletionTimestamp" in metadata,
    )
