"""Finding the function of an errand in this process."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType

import cloudpickle

from kitaru.core.tagged import UserValue
from kitaru.engine.errands import Copied, Function, Named


def function(wanted: Function) -> Callable[..., UserValue]:
    """Return the function. Raises what the import of its module raises."""
    if isinstance(wanted, Copied):
        return cloudpickle.loads(wanted.body)
    found: UserValue = _module(wanted)
    for part in wanted.qualname.split("."):
        found = getattr(found, part)
    for _ in range(wanted.wraps):
        found = found.__wrapped__
    return found


def _module(wanted: Named) -> ModuleType:
    if wanted.file is None:
        return importlib.import_module(wanted.module)
    if wanted.module in sys.modules:
        return sys.modules[wanted.module]
    # Under the name that classes of a script have in a journal, so that they are the same ones in both processes.
    spec = importlib.util.spec_from_file_location(wanted.module, wanted.file)
    if spec is None or spec.loader is None:
        message = f"{wanted.file} is no Python file that could be loaded again."
        raise ImportError(message)
    module = importlib.util.module_from_spec(spec)
    sys.modules[wanted.module] = module
    spec.loader.exec_module(module)
    return module
