"""The image and the pods of this folder's tests."""

import json
from collections.abc import Sequence
from pathlib import Path

from kitaru_cluster.cluster import Cluster
from kitaru_cluster.images import Recipe


def python(folder: Path) -> Recipe:
    """Return the recipe of an image with nothing but Python."""
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text("ARG BASE_IMAGE\nFROM $BASE_IMAGE\n")
    return Recipe(name="test-python", dockerfile=dockerfile, context=folder)


def restricted(name: str, image: str, command: Sequence[str]) -> dict[str, object]:
    """Return a pod that the restricted profile admits and that runs a command once."""
    container = {
        "name": "main",
        "image": image,
        "command": list(command),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def printed(cluster: Cluster, namespace: str, pod: dict[str, object]) -> str:
    """Run a pod to its good end and return what it printed."""
    name = json.loads(json.dumps(pod))["metadata"]["name"]
    cluster.apply(pod, namespace=namespace)
    cluster.await_pod(name, namespace, "Succeeded")
    return cluster.kubectl("logs", name, "-n", namespace)
