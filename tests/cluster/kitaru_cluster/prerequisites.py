"""What a machine needs before a cluster can be built and started, and how to get it."""

import os
import re
import shutil
from pathlib import Path

from kitaru_cluster import cache, shell
from kitaru_cluster.errors import ClusterError

_GO = (1, 26)
_APT_SECONDS = 600.0
_SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")

# A Debian package, and the program or file by which its presence is seen.
_NODE_PACKAGES = {
    "runc": "runc",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "iptables": "iptables",
    "iproute2": "ip",
    "openssl": "openssl",
    "util-linux": "unshare",
}
_IMAGE_PACKAGES = {
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "debian-archive-keyring": "/usr/share/keyrings/debian-archive-keyring.gpg",
}


def search_path() -> str:
    """Return PATH with the system's folders, `/usr/sbin` among them, which `su` may leave out."""
    return os.pathsep.join((os.environ.get("PATH", ""), *_SYSTEM_PATH))


def program(name: str) -> str:
    """Return the absolute path of an installed program. Raises ClusterError when it is missing."""
    found = shutil.which(name, path=search_path())
    if found is None:
        message = f"there is no program {name} on this machine"
        raise ClusterError(message)
    return found


def check_go() -> None:
    """Raise ClusterError, saying how to get it, unless Go is there and new enough."""
    remedy = f"Go {_GO[0]}.{_GO[1]} or newer builds the test cluster; get it at https://go.dev/dl/"
    if shutil.which("go") is None:
        message = f"go is not on the PATH. {remedy}"
        raise ClusterError(message)
    said = shell.run(("go", "version"))
    version = re.search(r"go(\d+)\.(\d+)", said)
    if version is None or (int(version[1]), int(version[2])) < _GO:
        message = f"this machine has {said.strip()}. {remedy}"
        raise ClusterError(message)


def c_compiler() -> str:
    """Return the C compiler's path. Raises ClusterError, saying how to get one, without one."""
    found = shutil.which(os.environ.get("CC") or "cc") or shutil.which("gcc")
    if found is None:
        message = "there is no C compiler; on Debian and Ubuntu: apt-get install gcc libc6-dev"
        raise ClusterError(message)
    return found


def check_root() -> None:
    """Raise ClusterError unless this process may make namespaces, as only root may."""
    if os.geteuid() != 0:
        message = "the test cluster makes namespaces and mounts: run it as root (sudo -E)"
        raise ClusterError(message)


def install_node_packages() -> None:
    """Install the Debian packages that a node needs and that are missing."""
    _install(_NODE_PACKAGES)


def install_image_packages() -> None:
    """Install the Debian packages that building an image needs and that are missing."""
    _install(_IMAGE_PACKAGES)


def registry() -> str:
    """Return the path of Debian's docker-registry, fetched into the cache when it is missing.

    It is unpacked, not installed: the package's service would listen on all addresses.
    """
    return shutil.which("docker-registry", path=search_path()) or str(unpacked_registry())


def unpacked_registry() -> Path:
    """Return docker-registry's binary from the Debian package, fetched and unpacked once."""

    def make(draft: Path) -> None:
        options = shell.Options(timeout=_APT_SECONDS, cwd=draft)
        code, _, _ = shell.attempt(("apt-get", "download", "docker-registry"), options)
        if code != 0:
            shell.run(("apt-get", "update", "-q"), options)
            shell.run(("apt-get", "download", "docker-registry"), options)
        package = next(draft.glob("*.deb"))
        shell.run(("dpkg", "-x", str(package), "."), options)

    return cache.entry("debian", "docker-registry", make) / "usr" / "bin" / "docker-registry"


def _install(packages: dict[str, str]) -> None:
    missing = [package for package, sign in packages.items() if not _present(sign)]
    if not missing:
        return
    command = f"apt-get install -y --no-install-recommends {' '.join(missing)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        message = f"this machine lacks {', '.join(missing)}; on Debian and Ubuntu, as root: {command}"
        raise ClusterError(message)
    print(f"installing {', '.join(missing)} ...", flush=True)
    options = shell.Options(timeout=_APT_SECONDS, env={"DEBIAN_FRONTEND": "noninteractive"})
    install = (*command.split(), "-q", "-o", "DPkg::Lock::Timeout=300")
    code, _, _ = shell.attempt(install, options)
    if code != 0:
        # A fresh machine has no package lists, or lists of packages that are gone.
        shell.run(("apt-get", "update", "-q"), options)
        shell.run(install, options)


def _present(sign: str) -> bool:
    if sign.startswith("/"):
        return Path(sign).exists()
    return shutil.which(sign, path=search_path()) is not None
