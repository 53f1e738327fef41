"""What the kernel says about processes, read from `/proc`."""

from pathlib import Path

_PROC = Path("/proc")


def parent(pid: int) -> int | None:
    """Return the parent of a process, or None when there is no such process."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name, in brackets, may itself hold spaces and brackets.
    return int(fields.rpartition(")")[2].split()[1])


def children(pid: int) -> tuple[int, ...]:
    """Return the children of a process."""
    return tuple(found for found in every() if parent(found) == pid)


def every() -> tuple[int, ...]:
    """Return the ids of all processes."""
    return tuple(int(path.name) for path in _PROC.iterdir() if path.name.isdigit())


def mentioning(text: str) -> tuple[int, ...]:
    """Return the processes, zombies aside, whose command line, environment or root holds `text`."""
    return tuple(pid for pid in every() if text.encode() in _described(pid))


def _described(pid: int) -> bytes:
    described = b""
    for name in ("cmdline", "environ", "cgroup"):
        try:
            described += (_PROC / str(pid) / name).read_bytes()
        except OSError:
            continue
    return described
