"""Finding and removing what is not a process: a run's folder and control groups."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TextIO

from kitaru_cluster import processes, waiting
from kitaru_cluster.run import Run

PREFIX = "kitaru-cluster-"
SERVER_PREFIX = "kitaru-s3-"
_LOCK = "lock"
_CGROUPS = Path("/sys/fs/cgroup")
_YOUNG_SECONDS = 60


def remove(run: Run) -> None:
    """Remove a run whose processes have ended. With `KITARU_CLUSTER_LOGS`, keep its logs there."""
    kept = os.environ.get("KITARU_CLUSTER_LOGS")
    if kept and (run.folder / "log").exists():
        shutil.copytree(run.folder / "log", Path(kept) / run.folder.name, dirs_exist_ok=True)

    def gone() -> bool:
        return not any(not _remove_group(group) for group in groups(run.cgroup))

    waiting.until(gone, f"the control groups {run.cgroup} to be empty", seconds=15)
    shutil.rmtree(run.folder)


def groups(name: str) -> tuple[Path, ...]:
    """Return the control groups of a run: one in each hierarchy, or one in all."""
    if (_CGROUPS / "cgroup.controllers").exists():
        roots = (_CGROUPS,)
    else:
        roots = tuple(path for path in _CGROUPS.iterdir() if path.is_dir())
    return tuple(root / name for root in roots if (root / name).is_dir())


def find(run: Run) -> list[str]:
    """Return what is left of a run, one line each; nothing when it was taken down cleanly."""
    name = run.folder.name
    pids = [f"process {pid}" for pid in processes.of_run(name)]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    mounted = [f"mount {line}" for line in mounts if f"/{name}/" in line]
    controlled = [f"control group {path}" for path in groups(run.cgroup)]
    folder = [f"folder {run.folder}"] if run.folder.exists() else []
    return [*pids, *mounted, *controlled, *folder]


def runs() -> tuple[Run, ...]:
    """Return the runs on this machine, stale ones included."""
    return tuple(map(Run, Path(tempfile.gettempdir()).glob(f"{PREFIX}*")))


def sweep() -> None:
    """Remove the runs whose guards were killed."""
    for run in runs():
        # Another start may be sweeping too: the folder is then in use, or gone.
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            if _stale(run.folder):
                with hold(run.folder):
                    print(f"removing the stale cluster {run.folder}", flush=True)
                    remove(run)


def sweep_servers() -> None:
    """Remove the folders of single S3 servers whose test runs were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{SERVER_PREFIX}*"):
        if _stale(folder):
            shutil.rmtree(folder, ignore_errors=True)  # another run may do the same


def hold(folder: Path) -> TextIO:
    """Mark a folder as in use, until the returned file is closed in each process that has it.

    Raises BlockingIOError when it is in use already.
    """
    lock = (folder / _LOCK).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise
    return lock


def held(folder: Path) -> bool:
    """Say whether a folder is in use."""
    try:
        with (folder / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _stale(folder: Path) -> bool:
    if (folder / _LOCK).exists():
        return not held(folder)
    # Its maker may be about to hold it, or may have been killed before that.
    return time.time() - folder.stat().st_mtime > _YOUNG_SECONDS


def _remove_group(group: Path) -> bool:
    try:
        for path, _, _ in os.walk(group, topdown=False):
            Path(path).rmdir()
    except OSError:
        return False  # a process in it is still ending
    return True
