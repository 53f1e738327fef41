"""Building the cluster's binaries from Go modules, each once for every change of its pins."""

import time
from collections.abc import Iterable
from pathlib import Path

from kitaru_cluster import archive, cache, pins, prerequisites, shell

_BUILD_SECONDS = 1500.0
_COMPILE_SECONDS = 60.0


def key(tool: pins.Tool) -> str:
    """Return the cache key of a tool: its name and a hash of all that decides its binaries."""
    source = pins.SOURCE / "go" / tool.name
    files = sorted(path for path in source.iterdir() if path.suffix in {".go", ".mod", ".sum"})
    contents = [part for path in files for part in (path.name, path.read_bytes())]
    return f"{tool.name}-{cache.digest(repr(tool), *contents)}"


def ready(tool: pins.Tool) -> Path | None:
    """Return the folder of a tool's binaries, or None when they are not built yet."""
    path = cache.folder() / "tools" / key(tool)
    return path if path.exists() else None


def tools(wanted: Iterable[pins.Tool]) -> tuple[Path, ...]:
    """Build what is missing and return the tools' folders; each build's duration is printed.

    Raises ClusterError when Go is missing, or with the compiler's last words.
    """
    return tuple(ready(tool) or _built(tool) for tool in wanted)


def pause() -> Path:
    """Return the image archive of the pods' pause container, made when it is missing."""
    source = pins.SOURCE / "pause" / "pause.c"

    def make(draft: Path) -> None:
        compiler = prerequisites.c_compiler()
        argv = (compiler, "-static", "-Os", "-o", str(draft / "pause"), str(source))
        shell.run(argv, shell.Options(timeout=_COMPILE_SECONDS))
        archive.write(draft / "pause.tar", tag=archive.PAUSE, binary=draft / "pause")

    found = cache.entry("tools", f"pause-{cache.digest(source.read_bytes())}", make)
    return found / "pause.tar"


def _built(tool: pins.Tool) -> Path:
    prerequisites.check_go()
    started = time.monotonic()
    print(f"building {tool.name} (up to ten minutes when nothing is cached) ...", flush=True)
    found = cache.entry("tools", key(tool), lambda draft: _make(tool, draft))
    print(f"built {tool.name} in {time.monotonic() - started:.0f} s", flush=True)
    return found


def _make(tool: pins.Tool, draft: Path) -> None:
    for name, package in tool.packages:
        argv = ["go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly"]
        argv += ["-ldflags", tool.ldflags, "-tags", tool.tags, "-o", str(draft / name), package]
        options = shell.Options(
            timeout=_BUILD_SECONDS,
            cwd=pins.SOURCE / "go" / tool.name,
            env={"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"},
        )
        shell.run(argv, options)
    for link in tool.links:
        (draft / link).symlink_to(tool.packages[0][0])
