"""Bundles: a project's source in one object, named by the digest of its content.

A bundle is a tar of sorted paths without times or owners, so that the same source always gives the same bytes. It is
unpacked once, into a folder beside the store, from which every execution of its versions runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import secrets
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kitaru.backends import durable
from kitaru.backends.sqlite import SqliteStore
from kitaru.core import paths
from kitaru.errors import KitaruBackendError, KitaruUsageError
from kitaru.local.projects import Project

#: Bytes of a project's source, at most. More is data that lies in the wrong place.
LIMIT: Final = 100 * 1024 * 1024
_NAMED: Final = 3
_NAMESPACE: Final = "local"


@dataclass(frozen=True, slots=True)
class Packed:
    """A bundle. `changed` is when the newest of its files was changed, in seconds since 1970."""

    body: bytes
    sha256: str
    changed: float


def pack(project: Project, limit: int = LIMIT) -> Packed:
    """Return the project's source as a bundle.

    Raises `KitaruUsageError` when it is larger than `limit` bytes, for a link that leads out of the project, and for a
    file that cannot be read.
    """
    try:
        _check_size(project, limit)
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
            changed = max((_add(tar, project.root, name) for name in project.files), default=0.0)
    except OSError as error:
        message = f"The source in {project.root} cannot be read: {error}. See to it, and deploy again."
        raise KitaruUsageError(message) from error
    body = buffer.getvalue()
    return Packed(body, hashlib.sha256(body).hexdigest(), changed)


def keep(store: SqliteStore, packed: Packed) -> None:
    """Store the bundle, unless it is there."""
    store.create(paths.blob("", _NAMESPACE, packed.sha256), packed.body)


def place(store: SqliteStore, sha256: str) -> Path:
    """Return the folder into which a bundle is unpacked."""
    return store.folder.resolve() / "bundles" / sha256


def unpack(store: SqliteStore, sha256: str) -> Path:
    """Return the folder that holds the bundle's files, read-only; made whole, or not at all, by the first who asks.

    Raises `KitaruBackendError` when the bundle is gone or damaged.
    """
    folder = place(store, sha256)
    if folder.is_dir():
        return folder
    body = store.get(paths.blob("", _NAMESPACE, sha256))
    if body is None or hashlib.sha256(body).hexdigest() != sha256:
        message = (
            f"The source bundle {sha256} is gone or damaged: restore {store.folder} from a backup, or deploy anew."
        )
        raise KitaruBackendError(message)
    durable.make_folder(folder.parent)
    fresh = folder.with_name(f".{sha256[:16]}-{secrets.token_hex(8)}")
    try:
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            for member in tar:
                _extract(tar, member, fresh / member.name)
        os.sync()  # whoever finds the folder under its name takes its files to be whole, after a loss of power too
        with contextlib.suppress(OSError):  # somebody else was faster
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    if not folder.is_dir():
        message = f"The source bundle {sha256} cannot be unpacked into {folder}: see whether the folder can be written."
        raise KitaruBackendError(message)
    durable.flush_folder(folder.parent)
    return folder


def _check_size(project: Project, limit: int) -> None:
    sizes = {name: (project.root / name).lstat().st_size for name in project.files}
    total = sum(sizes.values())
    if total > limit:
        largest = sorted(sizes, key=lambda name: sizes[name], reverse=True)[:_NAMED]
        named = ", ".join(f"{name} ({_mebibytes(sizes[name])})" for name in largest)
        message = (
            f"The source in {project.root} has {_mebibytes(total)}, and a version holds at most {_mebibytes(limit)}: "
            f"have git ignore what is no source. The largest files are {named}."
        )
        raise KitaruUsageError(message)


def _mebibytes(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MiB"


def _add(tar: tarfile.TarFile, root: Path, name: str) -> float:
    """Add a file or link, and return when it was changed."""
    place = root / name
    about = place.lstat()
    if place.is_symlink():
        tar.addfile(_link(root, name))
    else:
        content = place.read_bytes()
        tar.addfile(_header(name, len(content), executable=bool(about.st_mode & 0o100)), io.BytesIO(content))
    # The time of the last change of its name or mode counts too: a file that was moved here is new.
    return max(about.st_mtime, about.st_ctime)


def _header(name: str, size: int, *, executable: bool) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size = size
    header.mode = 0o755 if executable else 0o644
    return header


def _link(root: Path, name: str) -> tarfile.TarInfo:
    link = root / name
    target = link.resolve()
    if not target.is_relative_to(root):
        message = (
            f"{link} is a link that leads out of the project, to {target}: put the file into the project, or have git "
            "ignore the link."
        )
        raise KitaruUsageError(message)
    header = tarfile.TarInfo(name)
    header.type = tarfile.SYMTYPE
    header.linkname = os.path.relpath(target, link.parent)
    return header


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    """Write one file or link. The names are those that `pack` wrote: the digest says so."""
    target.parent.mkdir(parents=True, exist_ok=True)
    content = tar.extractfile(member) if member.isfile() else None
    if content is None:
        target.symlink_to(member.linkname)
    else:
        target.write_bytes(content.read())
        target.chmod(member.mode & 0o555)
