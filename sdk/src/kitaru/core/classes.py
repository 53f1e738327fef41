"""Classes by name, as values and failures in a journal refer to them."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from kitaru.core import plain
from kitaru.core.capture import Capture


def of(value: object) -> type:
    """Return the value's class, without what a type checker believes to know about it."""
    return type(value)


def name_of(kind: type) -> str:
    """Return ``module:qualname``."""
    return f"{kind.__module__}:{kind.__qualname__}"


def title_of(kind: type) -> str:
    """Return the class's name for people: ``module.qualname``, without the module for built-ins."""
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return plain.text(f"{kind.__module__}.{kind.__qualname__}")


def is_importable(kind: type) -> bool:
    """Whether `find` gives this very class for its name."""
    module = sys.modules.get(kind.__module__)
    return module is not None and _attribute(module, kind.__qualname__) is kind


def find(name: str) -> type | None:
    """Return the class called ``module:qualname``; None when there is none here."""
    module_name, _, qualname = name.partition(":")
    module = sys.modules.get(module_name)
    if module is None:
        # Importing runs the module, and what that raises is as arbitrary as the module.
        with Capture(Exception):
            module = importlib.import_module(module_name)
    if module is None:
        return None
    found = _attribute(module, qualname)
    return found if isinstance(found, type) else None


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


def _attribute(module: ModuleType, qualname: str) -> object:
    found: object = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found
