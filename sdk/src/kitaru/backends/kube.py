"""A stack on Kubernetes: resources through the user's kubeconfig, journals and artifacts straight from its bucket."""

from __future__ import annotations

from kitaru.backends.boto3_store import Boto3Store
from kitaru.backends.clock import SystemClock
from kitaru.backends.ids import RandomIds
from kitaru.backends.kube_api import KubeApi
from kitaru.backends.kube_executions import KubeExecutions
from kitaru.backends.kube_flows import KubeFlows
from kitaru.backends.kube_settings import KubeSettings
from kitaru.backends.retrying import RetryingStore


def open_cluster(settings: KubeSettings) -> tuple[KubeExecutions, KubeFlows]:
    """Return the ports of a stack. Raises `KitaruUsageError` when the kubeconfig cannot be used."""
    api, clock = KubeApi(settings), SystemClock()
    store = RetryingStore(Boto3Store(settings.s3), clock)
    return KubeExecutions(api, store, clock), KubeFlows(api, clock, RandomIds())
