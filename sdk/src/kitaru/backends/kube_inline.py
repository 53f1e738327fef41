"""Whether a value can lie in a resource. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from kitaru.core.resources.model import INLINE_LIMIT
from kitaru.errors import KitaruUsageError


def check(what: str, value: JsonValue | Mapping[str, JsonValue]) -> None:
    """Raise `KitaruUsageError`, naming `what`, unless the API server keeps the value as it is."""
    for path, number in _numbers(what, value):
        if isinstance(number, int) and not -(2**63) <= number < 2**63:
            message = f"{path} is an integer beyond 64 bits, which Kubernetes cannot hold: pass it as a string."
            raise KitaruUsageError(message)
        if isinstance(number, float) and not math.isfinite(number):
            message = f"{path} is {number}, which JSON cannot hold: pass it as a string, or None."
            raise KitaruUsageError(message)
    taken = size(value)
    if taken > INLINE_LIMIT:
        largest = _largest(what, value)
        message = (
            f"{what}: {taken} bytes of JSON, most of them in {largest}, and a resource takes {INLINE_LIMIT}: "
            "pass a reference to the data instead."
        )
        raise KitaruUsageError(message)


def size(value: JsonValue | Mapping[str, JsonValue]) -> int:
    """Return the bytes that the value takes as JSON without spaces."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _largest(what: str, value: JsonValue | Mapping[str, JsonValue]) -> str:
    if not isinstance(value, Mapping):
        return what
    return f"{what}.{max(value, key=lambda name: size(value[name]))}"


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
