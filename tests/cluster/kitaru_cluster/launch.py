"""Starting and ending clusters, from the host's side."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from kitaru_cluster import (
    build,
    images,
    leftovers,
    network,
    pins,
    pki,
    prerequisites,
    processes,
    services,
    supervisor,
    waiting,
)
from kitaru_cluster.errors import ClusterError
from kitaru_cluster.run import Run

_READY_SECONDS = 120.0
_STOP_SECONDS = 90.0  # a run may have left a hundred thousand objects to remove

_FORWARDED = {
    "api": f"127.0.0.1:{network.API_PORT}",
    "s3": f"{network.NODE_IP}:{network.S3_PORT}",
    "registry": network.REGISTRY,
}


@dataclass(frozen=True, slots=True)
class Started:
    """A cluster's run, and the guard that ends it when its pipe is closed."""

    run: Run
    guard: subprocess.Popen[bytes]


def start(name: str | None = None) -> Started:
    """Build what is missing, start a cluster and return when it is ready.

    With a name, the cluster is detached: it lives on until `stop`. Without one, it ends with the
    process that started it. Raises ClusterError with the reason when it cannot start.
    """
    prerequisites.check_root()
    prerequisites.install_node_packages()
    leftovers.sweep()
    build.tools(pins.FIRST)
    build.pause()
    prerequisites.registry()
    if not any(alive(run) for run in leftovers.runs()):
        images.trim()
    started = time.monotonic()
    launched = _launch(name)
    try:
        for folder in build.tools(pins.REST):
            supervisor.link(launched.run, folder)
        _await_ready(launched)
    except BaseException:
        end(launched)
        raise
    seconds = time.monotonic() - started
    print(f"test cluster ready in {seconds:.1f} s ({launched.run.folder})", flush=True)
    return launched


@contextlib.contextmanager
def running() -> Generator[Run]:
    """Give a cluster that ends with the block, or with this process if that comes first."""
    started = start()
    try:
        yield started.run
    finally:
        end(started)


def end(started: Started) -> None:
    """End a cluster that this process started, and wait until nothing is left of it."""
    if started.guard.stdin is None:
        started.guard.send_signal(signal.SIGTERM)
    else:
        started.guard.stdin.close()
    try:
        started.guard.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired as error:
        message = f"waited {_STOP_SECONDS:g} s in vain for the cluster's guard to end"
        raise ClusterError(message) from error


def stop(run: Run) -> None:
    """End a detached cluster by its guard's process id, and wait until nothing is left of it."""
    if alive(run):
        guard = int(run.guard.read_text())
        with contextlib.suppress(ProcessLookupError):
            os.kill(guard, signal.SIGTERM)
        what = f"the guard of {run.folder} to end"
        waiting.until(lambda: processes.ended(guard), what, seconds=_STOP_SECONDS)
    leftovers.sweep()


def alive(run: Run) -> bool:
    """Say whether the guard of a run lives."""
    return leftovers.held(run.folder)


def named(name: str) -> Run:
    """Return the run of a detached cluster's name."""
    return Run(Path(tempfile.gettempdir()) / f"{leftovers.PREFIX}{name}")


def _launch(name: str | None) -> Started:
    run = Run(Path(tempfile.mkdtemp(prefix=leftovers.PREFIX))) if name is None else named(name)
    run.folder.mkdir(exist_ok=True)
    run.folder.chmod(0o755)
    for folder in ("log", "etc", "bin", "pids"):
        (run.folder / folder).mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(_claim(run))
        sockets = {key: stack.enter_context(_listener()) for key in _FORWARDED}
        forwards = [f"{sockets[key].fileno()}={target}" for key, target in _FORWARDED.items()]
        _describe(run, {key: made.getsockname()[1] for key, made in sockets.items()})
        mode = "attached" if name is None else "detached"
        module = (sys.executable, "-m", "kitaru_cluster.guard")
        with run.log("guard").open("ab") as log:
            guard = subprocess.Popen(
                (*module, str(run.folder), mode, *forwards),
                stdin=subprocess.PIPE if name is None else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock.fileno(), *(made.fileno() for made in sockets.values())],
                env={**os.environ, "PYTHONPATH": str(pins.SOURCE)},
                start_new_session=True,
            )
    return Started(run, guard)


def _claim(run: Run) -> TextIO:
    try:
        return leftovers.hold(run.folder)
    except BlockingIOError as error:
        message = f"a cluster runs already in {run.folder}; end it first: make cluster-down"
        raise ClusterError(message) from error


def _listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=512)


def _describe(run: Run, ports: dict[str, int]) -> None:
    keys = services.new_keys()
    described = {
        "api": f"https://127.0.0.1:{ports['api']}",
        "kubeconfig": str(run.kubeconfig),
        "audit_log": str(run.audit_log),
        "s3": {
            "url": f"http://127.0.0.1:{ports['s3']}",
            "pod_url": network.S3_URL,
            "access_key": keys.access,
            "secret_key": keys.secret,
            "region": services.REGION,
        },
        "registry": {"push": f"127.0.0.1:{ports['registry']}", "pull": network.REGISTRY},
    }
    run.description.write_text(json.dumps(described, indent=1))


def _await_ready(started: Started) -> None:
    run, guard = started.run, started.guard

    def settled() -> bool:
        return run.ready.exists() or run.failure.exists() or guard.poll() is not None

    log = run.log("supervisor")
    waiting.until(settled, "the test cluster to be ready", seconds=_READY_SECONDS, log=log)
    if not run.ready.exists():
        reason = run.failure.read_text() if run.failure.exists() else waiting.tail(log)
        message = f"the test cluster could not start: {reason}"
        raise ClusterError(message)
    url = json.loads(run.description.read_text())["api"]
    run.kubeconfig.write_text(json.dumps(pki.kubeconfig(run, "admin", url), indent=1))
    run.kubeconfig.chmod(0o600)
