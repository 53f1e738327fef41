"""Processes of pods, which tests kill, stop and let go on."""

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from kitaru_cluster import containers
from tests.e2e.support.space import Pod, Space


def kill(space: Space, execution: str, attempt: int) -> None:
    """End the process of an attempt, without a word of warning."""
    pod = space.await_pod(execution, attempt)
    for process in running(space, pod):
        os.kill(process, signal.SIGKILL)


def running(space: Space, pod: Pod) -> tuple[int, ...]:
    """Return the process ids of a pod's container, its first one first."""
    found = space.cluster.processes(pod.name, space.namespace)
    assert found, f"{pod.name} has no process"
    return found


@contextmanager
def frozen(processes: tuple[int, ...]) -> Generator[int]:
    """Stop processes, and the shim that would let the kubelet kill them; give their first one.

    The processes go on within the block, when the caller sends SIGCONT; the shim at its end.
    """
    shim = containers.shim(processes[0])
    os.kill(shim, signal.SIGSTOP)
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        yield processes[0]
    finally:
        for process in processes:
            if Path(f"/proc/{process}").exists():
                os.kill(process, signal.SIGCONT)
        os.kill(shim, signal.SIGCONT)


def has_ended(process: int) -> bool:
    """Whether a process is gone, or is only remembered by a parent that has not asked for its end."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"
