"""The project that a flow's file belongs to: its folder, the files that are its source, its commit.

The project is the nearest folder above the file that has a `pyproject.toml` or is a git work tree. In a git work tree
its source is what git tracks and what it does not ignore. Elsewhere, and where git cannot be asked, it is every file
but caches, environments and hidden ones. A file without a project is its package, or the script and the modules that
this process has loaded from beside it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from kitaru.errors import KitaruUsageError

#: What holds secrets by convention, and stays out unless git tracks it.
_SECRETS: Final = (".env", ".env.*", "*.pem", "*.key", "*.p12", "*.pfx", "id_rsa*", "id_ed25519*", ".netrc", ".pypirc")
#: What every build or run makes anew.
_MADE: Final = ("__pycache__", "node_modules", "*.egg-info", "*.pyc", "*.pyo")
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_SCRIPT: Final = "__main__"
_MARKS: Final = ("pyproject.toml", ".git")
#: Seconds for which git is waited for.
_PATIENCE: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder, and its source by sorted paths relative to it."""

    root: Path
    files: tuple[str, ...]

    def import_paths(self, file: Path, module: str) -> tuple[str, ...]:
        """Return the folders, relative to the root, in which this process looks for the project's modules.

        The one from which `file` is imported as `module` comes first, and the root is ".".
        """
        depth = 0 if module == _SCRIPT else module.count(".") + (file.name == "__init__.py")
        folders = [file.parents[depth], *(Path(entry).resolve() for entry in sys.path)]
        inside = [one.relative_to(self.root).as_posix() for one in folders if one.is_relative_to(self.root)]
        return tuple(dict.fromkeys(one for one in inside if self._holds(one)))

    def is_foreign(self, folder: Path) -> bool:
        """Return whether a folder is none of the project's own: outside of it, or an environment inside of it."""
        if not folder.is_relative_to(self.root):
            return True
        return bool(_INSTALLED & set(folder.relative_to(self.root).parts))

    def _holds(self, folder: str) -> bool:
        return folder == "." or any(path.startswith(f"{folder}/") for path in self.files)


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit that is checked out around a file, and whether the project differs from it; None outside of git."""

    id: str | None = None
    dirty: bool | None = None


def find(file: Path, module: str, store: Path) -> Project:
    """Return the project of the flow that `file` defines as `module`. What lies in the folder `store` is left out.

    Raises `KitaruUsageError` when the project leaves the file itself out.
    """
    root = _root(file)
    if root is None:
        return _alone(file, module)
    tracked = _git(root, "ls-files", "-z", "--cached", "--recurse-submodules")
    others = _git(root, "ls-files", "-z", "--others", "--exclude-standard")
    if tracked is None or others is None:
        found = [*_walk(root)]
    else:
        found = [*_split(tracked), *(path for path in _split(others) if not is_secret(path))]
    files = {path for path in found if _exists(root / path) and not (root / path).is_relative_to(store)}
    own = file.relative_to(root).as_posix()
    if own not in files:
        message = (
            f"{file} is left out of the source of {root} (git ignores it, or it lies in a hidden folder), so its flow "
            "cannot be deployed: have git track it."
        )
        raise KitaruUsageError(message)
    return Project(root=root, files=tuple(sorted(files)))


def commit(file: Path) -> Commit:
    """Return the commit around a file."""
    root = _root(file)
    if root is None:
        return Commit()
    changed = _git(root, "status", "--porcelain", "-z", "--", ".")
    head = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    if changed is None:
        return Commit()
    return Commit(None if head is None else head.strip(), bool(changed))


def is_secret(path: str) -> bool:
    """Return whether a file is known by its name to hold secrets."""
    name = path.rpartition("/")[2]
    return any(fnmatch(name, pattern) for pattern in _SECRETS)


def _root(file: Path) -> Path | None:
    for folder in file.parents:
        if folder.name in _INSTALLED:
            return None  # installed: the project around it is another one
        if any((folder / mark).exists() for mark in _MARKS):
            return folder
    return None


def _alone(file: Path, module: str) -> Project:
    """Return the top package of a module that has no project, or a script and what it has loaded from its folder."""
    is_package = file.name == "__init__.py"
    if "." in module or is_package:
        package = file.parents[module.count(".") - (0 if is_package else 1)]
        found = [f"{package.name}/{path}" for path in _walk(package)]
        return Project(root=package.parent, files=tuple(sorted(found)))
    root = file.parent
    loaded = {Path(path).resolve() for path in _loaded()}
    beside = {path.relative_to(root).as_posix() for path in loaded if path.is_relative_to(root)}
    mine = {path for path in beside if (root / path).is_file() and not _is_hidden(path)}
    return Project(root=root, files=tuple(sorted({*mine, file.name})))


def _loaded() -> Iterator[str]:
    for module in tuple(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str):
            yield path


def _is_hidden(path: str) -> bool:
    """Return whether a path leads through what is installed or hidden."""
    parts = path.split("/")
    return bool(_INSTALLED & set(parts)) or any(part.startswith(".") for part in parts)


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = [name for name in folders if name not in links and _is_source(name) and not _is_env(here / name)]
        for name in (*names, *links):
            if _is_source(name):
                yield (here / name).relative_to(root).as_posix()


def _is_source(name: str) -> bool:
    return not name.startswith(".") and not is_secret(name) and not any(fnmatch(name, made) for made in _MADE)


def _is_env(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").exists()


def _exists(path: Path) -> bool:
    """Return whether there is a file. Links that lead nowhere are no source: editors leave them about."""
    return path.exists() and (path.is_symlink() or path.is_file())


def _split(listing: str) -> list[str]:
    return [path for path in listing.split("\0") if path]


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git prints, None if it cannot: no git here, no repository, no commit.

    Raises `KitaruUsageError` when it takes too long: a walk through so large a folder would take longer.
    """
    git = shutil.which("git")
    if git is None:
        return None
    asked = [git, "-C", str(root), "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(asked, capture_output=True, stdin=subprocess.DEVNULL, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired as error:
        message = (
            f"git did not list {root} within {_PATIENCE:g} s: put a pyproject.toml into the folder of the flow's "
            "project, which bounds what is kept of it."
        )
        raise KitaruUsageError(message) from error
    except OSError:
        return None
    return done.stdout.decode(errors="surrogateescape") if done.returncode == 0 else None
