"""The base of the tests' images: Debian with Python, made here because no test pulls from outside."""

import os
import shutil
from pathlib import Path

from kitaru_cluster import cache, prerequisites, shell

_SUITE = "bookworm"
_PACKAGES = "python3,python3-venv,ca-certificates"
_SECONDS = 600.0
_REVISION = "1"  # a change of what is made below makes a new base

# What a container never reads, and is half of the size.
_UNUSED = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/locale",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
)


def archive() -> Path:
    """Return the base's files as a tar archive, made once (two minutes).

    `KITARU_DEBIAN_MIRROR` names another mirror than debootstrap's own.
    """
    key = f"{_SUITE}-{cache.digest(_SUITE, _PACKAGES, _REVISION, *_UNUSED)}"
    return cache.entry("base", key, _make) / "base.tar"


def _make(draft: Path) -> None:
    prerequisites.check_root()
    prerequisites.install_image_packages()
    print("making the base image (about two minutes) ...", flush=True)
    files = draft / "files"
    mirror = [chosen] if (chosen := os.environ.get("KITARU_DEBIAN_MIRROR")) else []
    debootstrap = (prerequisites.program("debootstrap"), "--variant=minbase")
    wanted = (f"--include={_PACKAGES}", _SUITE, str(files), *mirror)
    shell.run((*shell.CONTAINED, *debootstrap, *wanted), shell.Options(timeout=_SECONDS))
    for unused in _UNUSED:
        shutil.rmtree(files / unused)
        (files / unused).mkdir()
    (files / "etc" / "resolv.conf").write_text("")
    (files / "etc" / "hostname").write_text("localhost\n")
    # As in the images of Docker's library, on which a Dockerfile stands by default.
    (files / "usr" / "bin" / "python").symlink_to("python3")
    pack = ("tar", "--directory", str(files), "--numeric-owner", "-cf", str(draft / "base.tar"))
    shell.run((*pack, "."), shell.Options(timeout=_SECONDS))
    shutil.rmtree(files)
