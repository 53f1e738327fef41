"""Finding and removing what is not a process: a run's folder and control groups."""

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

from kitaru_cluster import processes, waiting
from kitaru_cluster.run import Run

PREFIX = "kitaru-cluster-"
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
    mounted = [f"mount {line}" for line in mounts if name in line]
    controlled = [f"control group {path}" for path in groups(run.cgroup)]
    folder = [f"folder {run.folder}"] if run.folder.exists() else []
    return [*pids, *mounted, *controlled, *folder]


def runs() -> tuple[Run, ...]:
    """Return the runs on this machine, stale ones included."""
    return tuple(map(Run, Path(tempfile.gettempdir()).glob(f"{PREFIX}*")))


def sweep() -> None:
    """Remove the runs whose guards were killed."""
    for run in runs():
        folder = run.folder
        if run.lock.exists():
            with run.lock.open() as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue  # its guard lives
                print(f"removing the stale cluster {folder}", flush=True)
                remove(run)
        elif time.time() - folder.stat().st_mtime > _YOUNG_SECONDS:
            # Its maker was killed before it could take the lock.
            shutil.rmtree(folder)


def _remove_group(group: Path) -> bool:
    try:
        for path, _, _ in os.walk(group, topdown=False):
            Path(path).rmdir()
    except OSError:
        return False  # a process in it is still ending
    return True
