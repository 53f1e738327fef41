"""Classes by name, as values and failures in a journal refer to them.

A script's classes are in the module `__main__`, whatever the script. They are named with it, as in
``__main__.report:Note``, so that another process which imports the script as `report` finds them.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from pathlib import PurePath
from types import ModuleType
from typing import Final

from kitaru.core import plain
from kitaru.core.capture import Capture

_MAIN: Final = "__main__"
_SCRIPT: Final = f"{_MAIN}."
#: Python takes the file's name from the module when the script's last line is done; its flows may run on.
_FILE: Final[str | None] = getattr(sys.modules[_MAIN], "__file__", None)


def of(value: object) -> type:
    """Return the value's class, without what a type checker believes to know about it."""
    return type(value)


def name_of(kind: type) -> str:
    """Return ``module:qualname``."""
    return f"{_module_of(kind)}:{kind.__qualname__}"


def content_name(kind: type) -> str:
    """Return ``module:qualname``, the same whether the module is imported or run as a script."""
    return name_of(kind).removeprefix(_SCRIPT)


def title_of(kind: type) -> str:
    """Return the class's name for people: ``module.qualname``, without the module for built-ins."""
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return plain.text(f"{_module_of(kind)}.{kind.__qualname__}")


def is_importable(kind: type) -> bool:
    """Whether `find` gives this very class for its name."""
    module = sys.modules.get(kind.__module__)
    return module is not None and _attribute(module, kind.__qualname__) is kind


def find(name: str) -> type | None:
    """Return the class called ``module:qualname``; None when there is none here."""
    module_name, _, qualname = name.partition(":")
    if module_name.startswith(_SCRIPT):
        return _of_script(module_name.removeprefix(_SCRIPT), qualname)
    module = sys.modules.get(module_name)
    if module is None:
        # Importing runs the module, and what that raises is as arbitrary as the module.
        with Capture(Exception):
            module = importlib.import_module(module_name)
    if module is None:
        return None
    return _class(module, qualname)


def named(name: str) -> type:
    """Return the class called ``module:qualname``. Raises `LookupError`: what a pickled value of it calls."""
    found = find(name)
    if found is None:
        message = f"there is no class {name} here"
        raise LookupError(message)
    return found


def is_of_script(kind: type) -> bool:
    """Whether it is found by its name alone in another process that runs or imports this script."""
    running = kind.__module__ == _MAIN and _script() is not None
    # Or the script was loaded again, under the name that its classes have in journals.
    return (running or kind.__module__.startswith(_SCRIPT)) and is_importable(kind)


def find_title(title: str) -> type | None:
    """Return the class with this name for people, as `title_of` gives it; None when there is none."""
    parts = title.split(".")
    if len(parts) == 1:
        return find(f"builtins:{title}")
    for end in range(len(parts) - 1, 0, -1):
        found = find(f"{'.'.join(parts[:end])}:{'.'.join(parts[end:])}")
        if found is not None:
            return found
    return None


def _module_of(kind: type) -> str:
    script = _script() if kind.__module__ == _MAIN else None
    return kind.__module__ if script is None else f"{_SCRIPT}{script}"


def _script() -> str | None:
    """Return the name that the running script has when it is imported; None where there is no script."""
    main = sys.modules[_MAIN]
    spec: ModuleSpec | None = getattr(main, "__spec__", None)
    if spec is not None:
        return spec.name
    file: str | None = getattr(main, "__file__", _FILE)
    # "<stdin>" and the like: no other process can have it.
    return None if file is None or file.startswith("<") else PurePath(file).stem


def _of_script(script: str, qualname: str) -> type | None:
    """Look in this process's script, and in what is loaded: to import a script might be to run it."""
    last = script.rpartition(".")[2]
    modules = [sys.modules[_MAIN]] if _script() == script else []
    modules += [sys.modules[script]] if script in sys.modules else []
    modules += [one for name, one in list(sys.modules.items()) if name.rpartition(".")[2] == last]
    found = (_class(one, qualname) for one in (*modules, sys.modules[_MAIN]))
    return next((one for one in found if one is not None), None)


def _class(module: ModuleType, qualname: str) -> type | None:
    found = _attribute(module, qualname)
    return found if isinstance(found, type) else None


def _attribute(module: ModuleType, qualname: str) -> object:
    found: object = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found
