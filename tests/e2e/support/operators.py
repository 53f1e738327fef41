"""The operator's own pods, which tests kill and multiply."""

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from kitaru_cluster import waiting
from kitaru_cluster.cluster import Cluster
from kitaru_cluster.install import NAMESPACE, RELEASE

_DEPLOYMENT: Final = f"deployment/{RELEASE}-operator"
_LABEL: Final = "app.kubernetes.io/name=kitaru-operator"
_READY: Final = "--timeout=120s"


def names(cluster: Cluster) -> list[str]:
    """Return the names of the operator's pods."""
    found = cluster.kubectl("get", "pods", "-n", NAMESPACE, "-l", _LABEL, "-o", "jsonpath={.items[*].metadata.name}")
    return found.split()


def kill(cluster: Cluster) -> None:
    """End the operator's process in its pod, without a word of warning; the kubelet starts it again."""
    for name in names(cluster):
        for process in cluster.processes(name, NAMESPACE):
            os.kill(process, signal.SIGKILL)


def replace(cluster: Cluster) -> None:
    """Delete the operator's pod at once; its Deployment makes another, maybe before the old process has ended."""
    cluster.kubectl("delete", "pod", "-n", NAMESPACE, "-l", _LABEL, "--force", "--grace-period=0", "--wait=false")


def await_ready(cluster: Cluster) -> None:
    """Wait until the Deployment has as many ready operators as it wants."""
    cluster.kubectl("rollout", "status", "-n", NAMESPACE, _DEPLOYMENT, _READY, timeout=150)


@contextmanager
def several(cluster: Cluster, count: int) -> Generator[None]:
    """Have so many operators for a while, all ready at the beginning, and one again at the end."""
    _scale(cluster, count)
    try:
        yield
    finally:
        _scale(cluster, 1)


def _scale(cluster: Cluster, count: int) -> None:
    cluster.kubectl("scale", "-n", NAMESPACE, _DEPLOYMENT, f"--replicas={count}")
    await_ready(cluster)
    waiting.until(lambda: len(names(cluster)) == count, f"{count} operators", seconds=90, interval=0.5)
