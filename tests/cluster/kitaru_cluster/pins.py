"""What the cluster is built from. The versions stand in the go.mod files under `go/`."""

from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent

KUBERNETES = "1.36.3"


@dataclass(frozen=True, slots=True)
class Tool:
    """One Go module under `go/`, the packages built from it and the names of their binaries.

    `links` are further names of the first binary, which looks at the name it is called by.
    """

    name: str
    packages: tuple[tuple[str, str], ...]
    ldflags: str = "-s -w"
    tags: str = ""
    links: tuple[str, ...] = ()


_COMPONENT_BASE = "k8s.io/component-base/version"
_MAJOR, _MINOR, _ = KUBERNETES.split(".")
_CONTAINERD = "github.com/containerd/containerd/v2/cmd"

KUBE = Tool(
    name="kube",
    packages=(("kube", "."),),
    ldflags=(
        f"-s -w -X {_COMPONENT_BASE}.gitVersion=v{KUBERNETES}"
        f" -X {_COMPONENT_BASE}.gitMajor={_MAJOR} -X {_COMPONENT_BASE}.gitMinor={_MINOR}"
    ),
    links=(
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kubelet",
        "kube-proxy",
        "kubectl",
    ),
)
CONTAINERD = Tool(
    name="containerd",
    packages=tuple((name, f"{_CONTAINERD}/{name}") for name in ("containerd", "containerd-shim-runc-v2", "ctr")),
    tags="no_btrfs,no_zfs,no_devmapper",
)
VERSITYGW = Tool(
    name="versitygw",
    packages=(("versitygw", "github.com/versity/versitygw/cmd/versitygw"),),
)
COREDNS = Tool(name="coredns", packages=(("coredns", "github.com/coredns/coredns"),))
HELM = Tool(name="helm", packages=(("helm", "helm.sh/helm/v3/cmd/helm"),))

# A cluster starts as soon as the first group is built, while the second still builds.
FIRST = (KUBE, CONTAINERD)
REST = (VERSITYGW, COREDNS, HELM)
