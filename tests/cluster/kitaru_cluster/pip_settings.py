"""The host's pip configuration, for the pip that runs inside an image's build.

A machine may reach the package index only through a mirror or with a certificate of its own; what
it takes stands in pip's settings, and in no file of this project.
"""

import ast
import configparser
import sys
from pathlib import Path

from kitaru_cluster import shell

_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_PATHS = ("cert", "client-cert", "find-links")


def volumes(folder: Path) -> tuple[str, ...]:
    """Return buildah's volumes, read-only, by which pip inside works as pip on the host does."""
    settings = _settings()
    config = folder / "pip.conf"
    with config.open("w") as file:
        settings.write(file)
    words = [w for key in _PATHS for w in settings.get("global", key, fallback="").split()]
    named = {_CERTIFICATES, *(Path(word) for word in words if word.startswith("/"))}
    mounts = [(path, path) for path in sorted(named) if path.exists()]
    mounts.append((config, Path("/etc/pip.conf")))
    return tuple(f"--volume={source}:{target}:ro" for source, target in mounts)


def _settings() -> configparser.RawConfigParser:
    """Return what pip's files and environment say together, as pip itself reports it."""
    _, listed, _ = shell.attempt((sys.executable, "-m", "pip", "config", "list"))
    settings = configparser.RawConfigParser()
    settings.add_section("global")
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        # The environment wins over the files, in whichever order pip lists them.
        where = "global" if section == ":env:" else section
        if section != ":env:" and settings.has_option(where, key):
            continue
        if not settings.has_section(where):
            settings.add_section(where)
        settings.set(where, key, str(ast.literal_eval(value)))
    return settings
