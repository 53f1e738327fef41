"""Running a user's file again as a module: up to where it would start an execution, and no further."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import Final

from kitaru.errors import KitaruUsageError

_SCRIPT: Final = "__main__"


class MainPartReached(BaseException):
    """The code that is loaded starts an execution: that is its main part, which is not to run again.

    A ``BaseException``, so that the script's own ``except Exception`` does not keep it from ending there.
    """


def is_at(module: str, file: str) -> bool:
    """Return whether the module is found by its name, in this very file."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve() == Path(file)


def run_script(path: Path, name: str | None = None) -> None:
    """Run a script as the module that its classes are named by in journals, see `kitaru.core.classes`.

    `name` is what it is called when it is imported, unless it is its file's name.
    """
    called = name or path.stem
    module = f"{_SCRIPT}.{called}"
    spec, loader = _found(module, path)
    made = importlib.util.module_from_spec(spec)
    sys.modules[module] = made
    # So that its relative imports are those of its package.
    spec.name = called
    made.__package__ = spec.parent
    loader.exec_module(made)


def run_file(name: str, path: Path) -> None:
    """Run a file as the module of this name."""
    _run(*_found(name, path))


def _found(name: str, path: Path) -> tuple[ModuleSpec, Loader]:
    loader = SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        message = f"{path} is no file of Python: correct its name."
        raise KitaruUsageError(message)
    return spec, loader


def import_module(name: str) -> None:
    """Import a module, which stays known if its code ends where it starts an execution."""
    spec = None if name in sys.modules else importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        importlib.import_module(name)
        return
    _run(spec, spec.loader)


def _run(spec: ModuleSpec, loader: Loader) -> None:
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    package, _, child = spec.name.rpartition(".")
    if package in sys.modules and package != _SCRIPT:
        setattr(sys.modules[package], child, module)
    loader.exec_module(module)
