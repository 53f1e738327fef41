"""How a person names a call or a wait of an execution: by its name, its id, or the n-th of its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kitaru.errors import KitaruStateError, KitaruUsageError

_NTH: Final = re.compile(r"(?P<name>[^\[\]]+)\[(?P<number>[0-9]+)\]")
#: Candidates that a message lists.
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Named:
    """Something that can be selected."""

    id: str
    name: str


def select(what: str, selector: str, among: Sequence[Named]) -> str:
    """Return the id of the one that the selector means.

    A selector is a name (`research`) when only one has it, an id (`research_2`), or `research[2]`, the second of that
    name in the order in which they began, counted from 1. `among` are in that order; `what` is what a message calls
    them ("call", "wait"). Raises `KitaruUsageError` for no selector, and `KitaruStateError`, which lists the
    candidates, for one that means none or several.
    """
    if not selector.strip():
        message = f"The selector of a {what} is empty: give its name, its id, or name[2] for the second of a name."
        raise KitaruUsageError(message)
    nth = _NTH.fullmatch(selector)
    if nth is not None:
        return _nth(what, nth["name"], int(nth["number"]), among)
    found = [one for one in among if selector in {one.id, one.name}]
    if len(found) == 1:
        return found[0].id
    if found:
        message = f"Several {what}s match {selector!r}: give one of {_listed(found, among)}."
    else:
        message = f"No {what} is {selector!r}: give one of {_listed(among, among)}."
    raise KitaruStateError(message)


def _nth(what: str, name: str, number: int, among: Sequence[Named]) -> str:
    found = [one for one in among if one.name == name]
    if 1 <= number <= len(found):
        return found[number - 1].id
    trouble = f"it has {len(found)} of that name, counted from 1" if found else f"no {what} has that name"
    message = f"There is no {what} {name}[{number}]: {trouble}; give one of {_listed(found or among, among)}."
    raise KitaruStateError(message)


def _listed(found: Sequence[Named], among: Sequence[Named]) -> str:
    """Return each candidate as it can be selected: its id, unless that is the name of several."""
    if not found:
        return "(none)"
    names = [one.name for one in among]
    ids = [one.id for one in among]
    shown = [_selector(one, names, ids, among) for one in found[:_SHOWN]]
    if len(found) > _SHOWN:
        shown.append(f"… ({len(found)} in all)")
    return ", ".join(shown)


def _selector(one: Named, names: Sequence[str], ids: Sequence[str], among: Sequence[Named]) -> str:
    if names.count(one.id) + ids.count(one.id) - (one.name == one.id) == 1:
        return one.id
    nth = [other.id for other in among if other.name == one.name].index(one.id) + 1
    return f"{one.name}[{nth}]"
