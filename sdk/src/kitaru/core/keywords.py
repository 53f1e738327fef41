"""Options that users give by keyword: each known by its name, and of the type that it says.

A misspelt option that is passed over costs more than one that is refused: `retrys=3` would try once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruUsageError

#: The types that an option may have; `object` for any. None always means "not given".
Kinds: TypeAlias = tuple[type, ...]

_WORDS: Final[Mapping[type, str]] = {int: "a whole number", float: "a number", str: "text", Mapping: "a mapping"}


def check(what: str, options: Mapping[str, UserValue], allowed: Mapping[str, Kinds]) -> None:
    """Raise `KitaruUsageError` for an option of `what` that is unknown or of another type."""
    for name, value in options.items():
        if name not in allowed:
            message = f"{what} has no option {name!r}: it takes {', '.join(allowed)}."
            raise KitaruUsageError(message)
        check_type(what, name, value, allowed[name])


def check_type(what: str, name: str, value: UserValue, kinds: Kinds) -> None:
    """Raise `KitaruUsageError` when the value is of none of the types. True and False are no numbers."""
    if value is None or object in kinds:
        return
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        wanted = " or ".join(dict.fromkeys(_WORDS.get(kind, f"a {kind.__name__}") for kind in kinds))
        message = f"{what}: {name}={value!r} is a {type(value).__name__}; give {wanted}."
        raise KitaruUsageError(message)
