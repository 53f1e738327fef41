"""`kitaru.save` and `kitaru.load`: values that a checkpoint keeps by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypedDict, Unpack

from kitaru.core import keywords
from kitaru.core.tagged import UserValue
from kitaru.engine import keeping
from kitaru.engine.keeping import Kept
from kitaru.errors import KitaruUsageError

__all__ = ["KINDS", "SaveOptions", "load", "save"]

#: What an artifact can be.
KINDS: Final = ("prompt", "response", "context", "input", "output", "blob")


class SaveOptions(TypedDict, total=False):
    """How a value is saved: `type` is one of `KINDS` (default "output"), `tags` are free text."""

    type: str
    tags: Sequence[str] | None


def save(name: str, value: UserValue, **options: Unpack[SaveOptions]) -> None:
    """Keep a value under a name with the running call; in a checkpoint only.

    It is durable together with the call's result. Saving a name again replaces it.
    Raises `KitaruSerializationError` for a value that cannot be kept.
    """
    keywords.check_type("save", "name", name, (str,))
    keywords.check(f"save({name!r})", options, {"type": (str,), "tags": (list, tuple)})
    given = options.get("type", "output")
    kind = given.strip().lower()
    if kind not in KINDS:
        message = f"save({name!r}): type={given!r} is unknown: use one of {', '.join(KINDS)}."
        raise KitaruUsageError(message)
    keeping.save(Kept(name=name, kind=kind, tags=tuple(options.get("tags") or ())), value)


def load(exec_id: str, name: str) -> UserValue:
    """Return what an execution of this stack saved under a name; in a checkpoint only.

    `name` may also be a checkpoint's name or a call's id: then its result is meant.
    Raises `KitaruRuntimeError` when nothing, or more than one thing, is called so.
    """
    return keeping.load(exec_id, name)
