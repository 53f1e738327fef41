"""Files and folders that are still there after a loss of power."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform == "darwin":
    import fcntl

    def _flush(descriptor: int) -> None:
        # fsync leaves the bytes in the drive's own cache there.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
else:

    def _flush(descriptor: int) -> None:
        os.fsync(descriptor)


def make_folder(folder: Path) -> None:
    """Make the folder and its parents, as far as they are missing."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        flush_folder(one.parent)


def write_file(path: Path, body: bytes) -> None:
    """Write a new file. Raises `FileExistsError` when there is one of that name."""
    with path.open("xb") as file:
        file.write(body)
        file.flush()
        _flush(file.fileno())
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Make the names of new files in the folder durable; the content of a file alone is not enough."""
    if sys.platform == "win32":
        return  # a folder cannot be opened there, and NTFS journals names by itself
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _flush(descriptor)
    finally:
        os.close(descriptor)
