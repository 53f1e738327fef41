"""Installing the operator into a cluster that a person plays with."""

from kitaru_cluster import pins
from kitaru_cluster.cluster import Cluster

_CHART = pins.SOURCE.parent.parent / "charts" / "kitaru"


def operator(cluster: Cluster) -> None:
    """Install the operator by its chart, as the end-to-end tests do, once there is a chart."""
    if not _CHART.exists():
        print(f"there is no chart yet: {cluster.kubeconfig} reaches a cluster without the operator")
