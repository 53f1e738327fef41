"""Loading the code of an execution's flow in a process that was started for nothing else."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import Final

from kitaru.core.definitions import FlowDefinition
from kitaru.core.spec import Spec
from kitaru.errors import KitaruUsageError
from kitaru.local import bundles, loaded
from kitaru.local.site import Site

_SCRIPT: Final = "__main__"


class MainPartReached(BaseException):
    """The code that is loaded starts an execution: that is its main part, which is not to run again.

    A ``BaseException``, so that the script's own ``except Exception`` does not keep it from ending there.
    """


def load(site: Site, frozen: Spec) -> FlowDefinition:
    """Load the code and return the flow.

    A script runs under another name than ``__main__``, and only up to where it starts an execution. Raises
    `KitaruUsageError`, whatever went wrong: the code is the user's, and may do anything when it is loaded.
    """
    site.flows.loading = True
    try:
        _load(site, frozen)
    except MainPartReached:
        pass
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        message = f"The flow {frozen.entrypoint} cannot be loaded: {type(error).__name__}: {error}"
        raise KitaruUsageError(message) from error
    finally:
        site.flows.loading = False
    flow = loaded.here(site, frozen)
    if flow is None:
        message = f"The flow {frozen.entrypoint} is not there any more ({frozen.file}): give it its old name and place."
        raise KitaruUsageError(message)
    return flow


def _load(site: Site, frozen: Spec) -> None:
    module = frozen.entrypoint.partition(":")[0]
    launch, script, file = frozen.launch, None, frozen.file
    paths = [] if launch is None else [*launch.paths]
    if launch is not None:
        module, script = launch.module or module, launch.script
    if frozen.bundle is not None:
        folder = bundles.unpack(site.store, frozen.bundle.sha256)
        paths = [*(str(folder / entry) for entry in frozen.bundle.paths), *paths]
        file = str(folder / frozen.bundle.file)
        script = file if module == _SCRIPT else None
    sys.path[:] = dict.fromkeys([*paths, *sys.path])
    sys.argv[:] = [file or module]
    if script is not None:
        run_script(Path(script))
    elif file is None or is_at(module, file) or not Path(file).is_file():
        _import(module)
    else:
        # As pytest and others import files that are nowhere on `sys.path`.
        run_file(module, Path(file))


def is_at(module: str, file: str) -> bool:
    """Return whether the module is found by its name, in this very file."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve() == Path(file)


def run_script(path: Path) -> None:
    """Run a script as the module that its classes are named by in journals, see `kitaru.core.classes`."""
    module = f"{_SCRIPT}.{path.stem}"
    try:
        run_file(module, path)
    finally:
        spec = sys.modules[module].__spec__
        if spec is not None:
            spec.name = path.stem


def run_file(name: str, path: Path) -> None:
    """Run a file as the module of this name."""
    loader = SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        message = f"{path} is no file of Python: correct its name."
        raise KitaruUsageError(message)
    _run(spec, loader)


def _import(name: str) -> None:
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
