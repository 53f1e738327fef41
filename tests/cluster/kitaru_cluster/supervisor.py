"""The first process of the cluster's namespaces: it starts every component and reaps the dead.

When it ends, however it ends, the kernel ends every process of the process namespace, and with
the last of them the mount and network namespaces go.

Called by the guard as `python -m kitaru_cluster.supervisor FOLDER FD=ADDRESS:PORT ...`.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from kitaru_cluster import (
    build,
    control_plane,
    network,
    node,
    pins,
    pki,
    prerequisites,
    services,
    shell,
    waiting,
    web,
)
from kitaru_cluster.control_plane import Component
from kitaru_cluster.errors import ClusterError
from kitaru_cluster.run import FOLDERS, Run

_START_SECONDS = 90.0
_BUILD_SECONDS = 1500.0


class Supervisor:
    """Starts the components of one run and waits for each, naming what it waits for."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, component: Component, sockets: Sequence[int] = ()) -> None:
        """Start a component in a session of its own, its output in a log of its own."""
        path = f"{self._run.bin}{os.pathsep}{prerequisites.search_path()}"
        with self._run.log(component.name).open("ab") as log:
            process = subprocess.Popen(
                component.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**_environment(), "PATH": path, **component.env},
                executable=_executable(component.argv[0], path),
                start_new_session=True,
                pass_fds=sockets,
            )
        self._started[component.name] = process
        (self._run.folder / "pids" / component.name).write_text(f"{process.pid}\n")

    def until(self, condition: Callable[[], bool], what: str, component: str) -> None:
        """Wait until `condition` holds. Raises ClusterError at once when the component ended."""
        log = self._run.log(component)

        def holds() -> bool:
            code = self._started[component].poll()
            if code is not None:
                message = f"{component} ended with {code} before {what}{waiting.tail(log)}"
                raise ClusterError(message)
            return condition()

        waiting.until(holds, what, seconds=_START_SECONDS, log=log)


def _environment() -> dict[str, str]:
    """Return this process's environment without proxies: none can be reached from in here."""
    proxies = {"http_proxy", "https_proxy", "all_proxy"}
    return {name: value for name, value in os.environ.items() if name.lower() not in proxies}


def _executable(program: str, path: str) -> str:
    for folder in path.split(os.pathsep):
        candidate = Path(folder) / program
        if candidate.is_file():
            return str(candidate)
    message = f"there is no program {program}"
    raise ClusterError(message)


def _prepare(run: Run) -> None:
    for name in (*FOLDERS, *node.MOUNTS.values()):
        (run.folder / name).mkdir(parents=True, exist_ok=True)
    # Volumes must propagate into the mounts that the kubelet makes; nothing leaves this namespace.
    shell.run(("mount", "--make-rshared", "/"))
    for target, source in node.MOUNTS.items():
        Path(target).mkdir(parents=True, exist_ok=True)
        shell.run(("mount", "--bind", str(run.folder / source), target))
    for step in (
        "link set lo up",
        # Not every kernel has the dummy device; a bridge without ports does as well.
        "link add node0 type bridge",
        f"addr add {network.NODE_IP}/24 dev node0",
        "link set node0 up",
        "route add default dev node0",
    ):
        shell.run((prerequisites.program("ip"), *step.split()))
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _kubectl(run: Run, *arguments: str, text: str | None = None) -> tuple[int, str]:
    argv = (str(run.bin / "kubectl"), f"--kubeconfig={run.admin}", *arguments)
    code, output, _ = shell.attempt(argv, shell.Options(text=text))
    return code, output


def _start_runtime(supervisor: Supervisor, run: Run) -> None:
    supervisor.start(node.containerd(run))
    ctr = (str(run.bin / "ctr"), "--address", str(run.containerd_socket), "--namespace", "k8s.io")

    def up() -> bool:
        return shell.attempt((*ctr, "version"))[0] == 0

    supervisor.until(up, "the container runtime to answer", "containerd")
    stacked = node.snapshotter(run)
    shell.run((*ctr, "images", "import", "--local", "--snapshotter", stacked, str(build.pause())))


def _start_cluster(supervisor: Supervisor, run: Run) -> None:
    pki.make(run)
    supervisor.start(control_plane.etcd(run))
    supervisor.start(control_plane.apiserver(run))
    supervisor.start(services.registry(run))
    _start_runtime(supervisor, run)

    def api() -> bool:
        return _kubectl(run, "get", "--raw", "/readyz")[0] == 0

    supervisor.until(api, "the API server to be ready", "apiserver")
    # Started before the API server answers, kube-proxy backs off for 30 s.
    for make in (
        control_plane.controller_manager,
        control_plane.scheduler,
        node.kubelet,
        control_plane.proxy,
    ):
        supervisor.start(make(run))

    def objects() -> bool:
        return _kubectl(run, "apply", "-f", "-", text=control_plane.dns_objects())[0] == 0

    supervisor.until(objects, "the API server to take the DNS service", "apiserver")


def _start_services(supervisor: Supervisor, run: Run) -> None:
    """Start what may still be being built while the cluster comes up."""
    for tool in (pins.VERSITYGW, pins.COREDNS):
        what = f"{tool.name} to be built"
        folder = waiting.until(lambda tool=tool: build.ready(tool), what, seconds=_BUILD_SECONDS)
        link(run, folder)
    listen = f"{network.NODE_IP}:{network.S3_PORT}"
    known = json.loads(run.description.read_text())["s3"]
    keys = services.Keys(known["access_key"], known["secret_key"])
    supervisor.start(services.s3("versitygw", run.folder, listen, keys))
    supervisor.start(services.dns(run))
    health = f"{network.S3_URL}{services.HEALTH}"
    supervisor.until(lambda: web.answers(health), "the S3 server to answer", "versitygw")
    ready = f"http://{network.NODE_IP}:{network.DNS_READY_PORT}/ready"
    supervisor.until(lambda: web.answers(ready), "CoreDNS to be ready", "coredns")
    images = f"http://{network.REGISTRY}/v2/"
    supervisor.until(lambda: web.answers(images), "the registry to answer", "registry")


def _await_node(supervisor: Supervisor, run: Run) -> None:
    condition = "-o=jsonpath={.status.conditions[?(@.type=='Ready')].status}"

    def node_ready() -> bool:
        return _kubectl(run, "get", "node", network.NODE, condition) == (0, "True")

    def account() -> bool:
        return _kubectl(run, "get", "serviceaccount", "default")[0] == 0

    supervisor.until(node_ready, "the node to be Ready", "kubelet")
    supervisor.until(account, "the default service account", "controller-manager")


def link(run: Run, folder: Path) -> None:
    """Link the binaries of a tool's folder into the run's `bin`."""
    run.bin.mkdir(exist_ok=True)
    for binary in folder.iterdir():
        target = run.bin / binary.name
        if not target.is_symlink():
            target.symlink_to(binary)


def main(folder: Path, forwards: Sequence[str]) -> None:
    """Start the cluster in `folder`, say so in a file, and reap until killed."""
    run = Run(folder)
    started = time.monotonic()
    try:
        _prepare(run)
        for built in build.tools(pins.FIRST):
            link(run, built)
        supervisor = Supervisor(run)
        argv = (sys.executable, "-m", "kitaru_cluster.forward", *forwards)
        sockets = [int(forward.partition("=")[0]) for forward in forwards]
        supervisor.start(Component("forward", argv), sockets)
        _start_cluster(supervisor, run)
        _start_services(supervisor, run)
        _await_node(supervisor, run)
    except (ClusterError, OSError) as error:
        run.failure.with_suffix(".draft").write_text(str(error))
        run.failure.with_suffix(".draft").rename(run.failure)
        sys.exit(1)
    run.ready.with_suffix(".draft").write_text(f"{time.monotonic() - started:.1f}")
    run.ready.with_suffix(".draft").rename(run.ready)
    while True:
        # Pods and shims lose their parents; without this they would stay as zombies.
        os.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
