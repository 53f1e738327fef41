"""Loading the code of an execution's flow in a process that was started for nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from kitaru.core.definitions import FlowDefinition
from kitaru.core.spec import Spec
from kitaru.errors import KitaruUsageError
from kitaru.local import bundles, loaded, scripts
from kitaru.local.scripts import MainPartReached
from kitaru.local.site import Site

_SCRIPT: Final = "__main__"


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
        scripts.run_script(Path(script))
    elif file is None or scripts.is_at(module, file) or not Path(file).is_file():
        scripts.import_module(module)
    else:
        # As pytest and others import files that are nowhere on `sys.path`.
        scripts.run_file(module, Path(file))
