"""What the kernel says about processes, read from `/proc`."""

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


def mentioning(text: str) -> tuple[int, ...]:
    """Return the processes, zombies aside, whose command line, environment or root holds `text`."""
    return tuple(pid for pid in every() if text.encode() in _described(pid))


def _state_and_parent(pid: int) -> tuple[str, int] | None:
    try:
        fields = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name, in brackets, may itself hold spaces and brackets.
    state, found, *_ = fields.rpartition(")")[2].split()
    return state, int(found)


def _described(pid: int) -> bytes:
    described = b""
    for name in ("cmdline", "environ", "cgroup"):
        try:
            described += (_PROC / str(pid) / name).read_bytes()
        except OSError:
            continue
    return described
