"""What the kernel says about processes, read from `/proc`."""

import os
import re
from pathlib import Path

_PROC = Path("/proc")


def parent(pid: int) -> int | None:
    """Return the parent of a process, or None when there is no such process."""
    found = _state_and_parent(pid)
    return found[1] if found else None


def ended(pid: int) -> bool:
    """Say whether a process has ended; one that nobody has reaped yet has."""
    found = _state_and_parent(pid)
    return found is None or found[0] == "Z"


def children(pid: int) -> tuple[int, ...]:
    """Return the children of a process."""
    return tuple(found for found in every() if parent(found) == pid)


def every() -> tuple[int, ...]:
    """Return the ids of all processes."""
    return tuple(int(path.name) for path in _PROC.iterdir() if path.name.isdigit())


def of_run(name: str) -> tuple[int, ...]:
    """Return the processes of the run whose folder is called `name`: guard, components, pods.

    A person's own shell or `kubectl` that names the folder is none of them.
    """
    # One run's name may begin with another's.
    whole = re.compile(re.escape(name.encode()) + rb"(?![\w-])")
    return tuple(pid for pid in every() if _belongs(pid, whole))


def _belongs(pid: int, name: re.Pattern[bytes]) -> bool:
    command = _read(pid, "cmdline")
    if name.search(_read(pid, "cgroup")):
        return True
    if b"kitaru_cluster.guard" in command and name.search(command):
        return True
    elsewhere = _mounts(pid) not in {None, _mounts(os.getpid())}
    return elsewhere and name.search(command + _read(pid, "environ")) is not None


def _mounts(pid: int) -> str | None:
    try:
        return str((_PROC / str(pid) / "ns" / "mnt").readlink())
    except OSError:
        return None


def _read(pid: int, name: str) -> bytes:
    try:
        return (_PROC / str(pid) / name).read_bytes()
    except OSError:
        return b""


def _state_and_parent(pid: int) -> tuple[str, int] | None:
    try:
        fields = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name, in brackets, may itself hold spaces and brackets.
    state, found, *_ = fields.rpartition(")")[2].split()
    return state, int(found)
