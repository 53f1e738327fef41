"""Whether overlay mounts work in a folder; on another overlay, as in a container, they do not."""

import tempfile
from pathlib import Path

from kitaru_cluster import shell


def usable(folder: Path) -> bool:
    """Try an overlay mount under `folder`, in a mount namespace that goes with it."""
    with tempfile.TemporaryDirectory(prefix=".overlay-", dir=folder) as tried:
        parts = {name: Path(tried) / name for name in ("lower", "upper", "work", "merged")}
        for path in parts.values():
            path.mkdir()
        layers = f"lowerdir={parts['lower']},upperdir={parts['upper']},workdir={parts['work']}"
        mount = ("mount", "-t", "overlay", "overlay", "-o", layers, str(parts["merged"]))
        return shell.attempt((*shell.CONTAINED, *mount))[0] == 0
