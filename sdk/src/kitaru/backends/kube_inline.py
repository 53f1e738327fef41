"""Whether a value can lie in a resource. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from kitaru.core import plain
from kitaru.core.resources.model import INLINE_LIMIT
from kitaru.errors import KitaruUsageError


def fits(what: str, value: JsonValue | Mapping[str, JsonValue]) -> bool:
    """Return whether the API server keeps the value as it is: 64-bit integers, and not more than 16 KiB.

    Raises `KitaruUsageError`, naming the part of `what` at fault, for a number that no JSON can hold.
    """
    small = plain.size(value) <= INLINE_LIMIT
    for path, number in _numbers(what, value):
        if isinstance(number, float) and not math.isfinite(number):
            message = f"{path} is {number}, which JSON cannot hold: pass it as a string, or None."
            raise KitaruUsageError(message)
        if isinstance(number, int) and not -(2**63) <= number < 2**63:
            small = False
    return small


def check(what: str, value: JsonValue | Mapping[str, JsonValue]) -> None:
    """Raise `KitaruUsageError`, naming `what`, unless the value fits."""
    if fits(what, value):
        return
    for path, number in _numbers(what, value):
        if isinstance(number, int) and not -(2**63) <= number < 2**63:
            message = f"{path} is an integer beyond 64 bits, which Kubernetes cannot hold: pass it as a string."
            raise KitaruUsageError(message)
    message = (
        f"{what}: {plain.size(value)} bytes of JSON, most of them in {_largest(what, value)}, and a resource takes "
        f"{INLINE_LIMIT}: pass a reference to the data instead."
    )
    raise KitaruUsageError(message)


def _largest(what: str, value: JsonValue | Mapping[str, JsonValue]) -> str:
    if not isinstance(value, Mapping):
        return what
    return f"{what}.{max(value, key=lambda name: plain.size(value[name]))}"


def _numbers(path: str, value: JsonValue | Mapping[str, JsonValue]) -> Iterator[tuple[str, int | float]]:
    match value:
        case int() | float():
            yield path, value
        case list():
            for index, item in enumerate(value):
                yield from _numbers(f"{path}[{index}]", item)
        case Mapping():
            for name, item in value.items():
                yield from _numbers(f"{path}.{name}", item)
        case _:
            return
