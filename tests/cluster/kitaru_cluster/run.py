"""The folder of one run: everything the cluster writes, and where each thing lies in it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None

FOLDERS = (
    "pki",
    "log",
    "etc",
    "cni",
    "etcd",
    "containerd",
    "state",
    "s3",
    "iam",
    "pids",
)


@dataclass(frozen=True, slots=True)
class Run:
    """The paths of a run, whose folder is `folder`."""

    folder: Path

    @property
    def bin(self) -> Path:
        """The binaries, as links into the cache."""
        return self.folder / "bin"

    @property
    def containerd_socket(self) -> Path:
        """The container runtime's socket."""
        return self.folder / "containerd.sock"

    @property
    def admin(self) -> Path:
        """The administrator's kubeconfig, for processes inside the network namespace."""
        return self.folder / "etc" / "admin.kubeconfig"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, for processes on the host."""
        return self.folder / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """The API server's audit log: one JSON document a line."""
        return self.folder / "log" / "audit.log"

    @property
    def description(self) -> Path:
        """What the cluster is reached by, as JSON; it is there when the cluster is ready."""
        return self.folder / "cluster.json"

    @property
    def ready(self) -> Path:
        """There when every component is ready; holds the seconds it took."""
        return self.folder / "ready"

    @property
    def failure(self) -> Path:
        """There when the cluster could not start; holds the reason."""
        return self.folder / "failure"

    @property
    def guard(self) -> Path:
        """The process id of the run's guard."""
        return self.folder / "guard.pid"

    @property
    def cgroup(self) -> str:
        """The control group under which all containers of this run live."""
        return self.folder.name

    def log(self, component: str) -> Path:
        """Return the log of a component."""
        return self.folder / "log" / f"{component}.log"

    def key(self, name: str) -> Path:
        """Return a private key."""
        return self.folder / "pki" / f"{name}.key"

    def certificate(self, name: str) -> Path:
        """Return a certificate."""
        return self.folder / "pki" / f"{name}.crt"

    def write(self, name: str, content: Json) -> Path:
        """Write a configuration file under `etc/` as JSON, which is YAML too."""
        path = self.folder / "etc" / name
        path.write_text(json.dumps(content, indent=1))
        return path
