"""Nothing of a cluster is left behind, however the process that started it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kitaru_cluster import cluster as clusters
from kitaru_cluster import launch, leftovers, pins, processes, waiting
from kitaru_cluster.run import Run
from tests.integration.cluster import pods

STARTER = """
import signal
from kitaru_cluster import launch
with launch.running() as run:
    print("in", run.folder, flush=True)
    signal.pause()
"""
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    """A cluster of another process, with a pod in it, and what must not outlive the cluster."""

    starter: subprocess.Popen[str]
    run: Run
    pids: tuple[int, ...]
    namespaces: frozenset[str]


@pytest.fixture
def running(tmp_path: Path) -> Generator[Running]:
    """Give a cluster that another process started, with a running pod."""
    with subprocess.Popen(
        (sys.executable, "-c", STARTER),
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(pins.SOURCE)},
    ) as starter:
        try:
            run = _announced(starter)
            yield _with_pod(starter, run, tmp_path)
        finally:
            starter.kill()


def _announced(starter: subprocess.Popen[str]) -> Run:
    assert starter.stdout is not None
    for line in starter.stdout:
        if line.startswith("in "):
            return Run(Path(line.split()[1]))
    message = "the process that should start a cluster ended instead"
    raise AssertionError(message)


def _with_pod(starter: subprocess.Popen[str], run: Run, folder: Path) -> Running:
    cluster = clusters.described(run)
    image = cluster.build_image(pods.python(folder))
    pod = pods.restricted("sleeper", image.pinned, ["python3", "-c", "import time; time.sleep(900)"])
    cluster.apply(pod)
    cluster.await_pod("sleeper", "default", "Running")
    pids = (*cluster.processes("sleeper", "default"), *processes.of_run(run.folder.name))
    return Running(starter, run, pids, frozenset(map(_network, pids)) - {_network(os.getpid()), ""})


def _network(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""


def _gone(running: Running) -> None:
    """Wait until nothing of the cluster is left: processes, mounts, groups, files, networks."""
    waiting.until(
        lambda: not leftovers.find(running.run),
        f"{running.run.folder} to leave nothing behind",
        seconds=SECONDS,
    )
    assert [pid for pid in running.pids if not processes.ended(pid)] == []
    assert running.namespaces.isdisjoint(map(_network, processes.every()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_cluster_ends_with_the_process_that_started_it(running: Running, number: signal.Signals) -> None:
    """A test run that is interrupted, ended or killed leaves nothing behind."""
    running.starter.send_signal(number)
    running.starter.wait(SECONDS)
    _gone(running)


def test_a_cluster_ends_with_its_guard(running: Running) -> None:
    """When the guard is killed the kernel ends the processes, and the next start removes the rest."""
    leftovers.sweep()
    assert launch.alive(running.run), "a start of another cluster swept a live one"
    guard = int(running.run.guard.read_text())
    os.kill(guard, signal.SIGKILL)
    waiting.until(
        lambda: all(map(processes.ended, running.pids)),
        "the kernel to end the cluster's processes",
        seconds=SECONDS,
    )
    assert running.run.folder.exists()
    leftovers.sweep()
    _gone(running)
