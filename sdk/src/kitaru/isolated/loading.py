"""Finding the function of an errand in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Final

import cloudpickle

from kitaru.core.tagged import UserValue
from kitaru.engine.errands import Copied, Function, Named
from kitaru.local import scripts
from kitaru.local.registry import LOADED
from kitaru.local.scripts import MainPartReached

_SCRIPT: Final = "__main__."


def function(wanted: Function) -> Callable[..., UserValue]:
    """Return the function. Raises what the import of its module raises."""
    found: UserValue
    if isinstance(wanted, Copied):
        found = cloudpickle.loads(wanted.body)
        return found
    found = _module(wanted)
    for part in wanted.qualname.split("."):
        if not hasattr(found, part) and wanted.copy is not None:
            found = cloudpickle.loads(wanted.copy)
            return found
        found = getattr(found, part)
    for _ in range(wanted.wraps):
        found = found.__wrapped__
    return found


def _module(wanted: Named) -> ModuleType:
    # A script without `if __name__ == "__main__"` is loaded up to where it starts a flow, and no further.
    LOADED.loading = True
    try:
        with suppress(MainPartReached):
            _load(wanted)
    finally:
        LOADED.loading = False
    return sys.modules[wanted.module]


def _load(wanted: Named) -> None:
    file = wanted.file
    if file is not None and wanted.module.startswith(_SCRIPT):
        scripts.run_script(Path(file), wanted.module.removeprefix(_SCRIPT))
    elif file is None or scripts.is_at(wanted.module, str(Path(file).resolve())):
        scripts.import_module(wanted.module)
    else:
        # As pytest and others import files that are nowhere on `sys.path`.
        scripts.run_file(wanted.module, Path(file))
