"""Objects of the three kinds as a person writes them, and requests that may be refused."""

import json
from collections.abc import Mapping

from pydantic import JsonValue

from kitaru_cluster.cluster import Cluster
from kitaru_cluster.errors import ClusterError

Object = dict[str, JsonValue]


def made(kind: str, spec: Mapping[str, JsonValue], name: str | None = None) -> Object:
    """Return an object of a kind; one without a name gets one from the API server."""
    metadata: Object = {"generateName": "test-"} if name is None else {"name": name}
    return {"apiVersion": "kitaru.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": dict(spec)}


def flow(**spec: JsonValue) -> Object:
    """Return a flow that is right but for `spec`; None takes a field away."""
    return made("KitaruFlow", _merged({"entrypoint": "agents:research", "image": "registry.example/agents:1"}, spec))


def execution(**spec: JsonValue) -> Object:
    """Return an execution that is right but for `spec`; None takes a field away."""
    return made("KitaruExecution", _merged({"flow": "research-agent"}, spec))


def answer(**spec: JsonValue) -> Object:
    """Return an answer without a value, with `spec` as it is: null is a value here."""
    return made("KitaruAnswer", {"execution": "x1", "wait": "approve", **spec})


def _merged(old: Mapping[str, JsonValue], new: Mapping[str, JsonValue]) -> Object:
    return {key: value for key, value in {**old, **new}.items() if value is not None}


def create(
    cluster: Cluster, namespace: str, body: Mapping[str, JsonValue], *, as_: str = "admin", dry_run: bool = False
) -> str | None:
    """Create an object under a user's name; None when it was created, else what the API server said."""
    more = ("--dry-run=server",) if dry_run else ()
    who = () if as_ == "admin" else (f"--as={as_}",)
    code, _, errors = cluster.try_kubectl("create", "-n", namespace, "-f", "-", *who, *more, text=json.dumps(body))
    return None if code == 0 else errors


def stored(cluster: Cluster, namespace: str, body: Mapping[str, JsonValue], *, as_: str | None = None) -> Object:
    """Create an object, by default as somebody who may do everything, and return it as it is stored."""
    who = () if as_ is None else (f"--as={as_}",)
    text = cluster.kubectl("create", "-n", namespace, "-f", "-", "-o=json", *who, text=json.dumps(body))
    found: Object = json.loads(text)
    return found


def name_of(body: Mapping[str, JsonValue]) -> str:
    """Return the name that an object was given."""
    metadata = body["metadata"]
    if not isinstance(metadata, dict):
        message = f"no metadata in {body}"
        raise ClusterError(message)
    return f"{str(body['kind']).lower()}/{metadata['name']}"


def patch(
    cluster: Cluster, namespace: str, name: str, change: Mapping[str, JsonValue], *, as_: str | None = None
) -> str | None:
    """Change an object by a merge patch; None when it was changed, else what the API server said.

    A change of the status goes to the status.
    """
    part = ("--subresource=status",) if "status" in change else ()
    who = () if as_ is None else (f"--as={as_}",)
    told = cluster.try_kubectl("patch", "-n", namespace, name, "--type=merge", "-p", json.dumps(change), *part, *who)
    code, _, errors = told
    return None if code == 0 else errors
