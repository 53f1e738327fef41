"""Why a value cannot be kept: which part of it, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import cloudpickle

from kitaru.core import classes
from kitaru.core.capture import Capture
from kitaru.core.tagged import UserValue

#: The attribute of a class that says why none of its instances can ever be kept, and what to do instead.
MARK: Final = "__kitaru_unkept__"
_DEEPEST: Final = 20
_REASON: Final = 200


def sentence(what: str, value: UserValue) -> str:
    """Return the message for a value that cannot be pickled, as in ``research → result["a"][3]``."""
    path, part, reason = _culprit("", value, 0)
    told = _told(part)
    if told is not None:
        return f"{what}{path} cannot be kept: {told}."
    kind = classes.title_of(classes.of(part))
    return (
        f"{what}{path} cannot be kept: {kind} is not serialisable ({reason}). "
        "Use plain data here, and make such objects inside the checkpoint that needs them."
    )


def _told(value: UserValue) -> str | None:
    """Return what a class says of why its instances cannot be kept, in its attribute of the name `MARK`."""
    told = vars(classes.of(value)).get(MARK)
    return told if isinstance(told, str) else None


def _culprit(path: str, value: UserValue, depth: int) -> tuple[str, UserValue, str]:
    if depth < _DEEPEST and _told(value) is None:
        for step, part in _parts(value):
            if _problem(part) is not None:
                return _culprit(path + step, part, depth + 1)
    return path, value, (_problem(value) or "it refers to itself")[:_REASON]


def _problem(value: UserValue) -> str | None:
    with Capture(Exception) as caught:
        # Some objects can be pickled, and only then turn out not to come back.
        cloudpickle.loads(cloudpickle.dumps(value))
    if caught.error is None:
        return None
    return " ".join(str(caught.error).split()) or type(caught.error).__name__


def _parts(value: UserValue) -> Iterator[tuple[str, UserValue]]:
    kind = classes.of(value)
    if issubclass(kind, dict):
        return ((f"[{json.dumps(str(key))}]", one) for key, one in value.items())
    if issubclass(kind, list | tuple):
        return ((f"[{index}]", one) for index, one in enumerate(value))
    if issubclass(kind, set | frozenset):
        return (("{…}", one) for one in value)
    return ((f".{name}", one) for name, one in getattr(value, "__dict__", {}).items())
