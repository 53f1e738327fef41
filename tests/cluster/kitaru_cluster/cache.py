"""The cache folder: built binaries and images, each entry complete or absent."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path


def folder() -> Path:
    """Return the cache folder: `KITARU_CLUSTER_CACHE`, else `~/.cache/kitaru-cluster`."""
    default = Path.home() / ".cache" / "kitaru-cluster"
    chosen = Path(os.environ.get("KITARU_CLUSTER_CACHE") or default)
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


def digest(*parts: str | bytes) -> str:
    """Return a short hash of the parts, each of which counts with its length."""
    total = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        total.update(f"{len(raw)}:".encode())
        total.update(raw)
    return total.hexdigest()[:16]


@contextlib.contextmanager
def locked(name: str) -> Generator[None]:
    """Hold the lock `name` of the cache, so that two processes do not make the same entry."""
    locks = folder() / "locks"
    locks.mkdir(exist_ok=True)
    with (locks / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def entry(kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """Return the folder `kind/key` of the cache; when it is missing, `make` fills it first.

    `make` fills a temporary folder, which is renamed when it is complete: a half-made entry is
    never seen, whenever the process ends.
    """
    final = folder() / kind / key
    if final.exists():
        return final
    with locked(f"{kind}-{key}"):
        if final.exists():
            return final
        final.parent.mkdir(exist_ok=True)
        for stale in final.parent.glob(f".{key}-*"):
            shutil.rmtree(stale)  # its maker held this lock and was killed
        draft = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=final.parent))
        try:
            make(draft)
            draft.chmod(0o755)
            draft.rename(final)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return final
