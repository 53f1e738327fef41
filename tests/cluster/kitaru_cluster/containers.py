"""Processes of containers, by the ids that the host knows them by: for tests that kill them."""

from pathlib import Path

from kitaru_cluster import leftovers, processes
from kitaru_cluster.errors import ClusterError
from kitaru_cluster.run import Run

#: Where containerd puts a container for which the kubelet names no control group.
_DEFAULT = "k8s.io"


def running(run: Run, container_id: str) -> tuple[int, ...]:
    """Return the processes of a container, its first one first; none when it has ended.

    `container_id` is as in a pod's status: `containerd://...`.
    """
    name = container_id.rpartition("/")[2]
    # The kubelet names its control group to the runtime with a manager per QoS class alone.
    for group in (*leftovers.groups(run.cgroup), *leftovers.groups(_DEFAULT)):
        listed = _members(group / name)
        if listed:
            return tuple(sorted(listed, key=lambda pid: processes.parent(pid) in listed))
    return ()


def shim(pid: int) -> int:
    """Return the runtime shim that is the parent of a container's first process."""
    found = processes.parent(pid)
    if found is None:
        message = f"process {pid} has ended, so its shim cannot be found"
        raise ClusterError(message)
    return found


def _members(group: Path) -> list[int]:
    try:
        return [int(line) for line in (group / "cgroup.procs").read_text().split()]
    except OSError:
        return []
