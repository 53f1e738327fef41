"""Tagged JSON: Python values as JSON that a person can read and that gives back an equal value.

None, bool, int, float, str, list and dict with string keys are themselves. Everything else is an
object with the key `$kitaru`, which names the kind. What cannot be carried exactly is not carried
at all: subclasses of built-in types, classes that cannot be found by name, values nested too deep.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import Field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, TypeAlias, TypeGuard
from uuid import UUID

from pydantic import BaseModel, JsonValue

from kitaru.core import classes

#: A value as user code made it or will get it: of no type that the library could know.
UserValue: TypeAlias = Any

TAG: Final = "$kitaru"
#: A JSON reader allows about 200 levels, and a tag costs up to three.
_DEEPEST: Final = 60
#: Beyond it, readers of JSON in other languages lose digits.
_LARGEST: Final = 2**63
_PATH: Final = type(Path())
#: Whoever derives from these has content that its fields do not show.
_BUILT_IN: Final = (
    BaseException,
    bytearray,
    bytes,
    complex,
    dict,
    float,
    frozenset,
    int,
    list,
    set,
    str,
    tuple,
    type,
)


class NotPlainError(Exception):
    """The value, or one inside it, is none that tagged JSON carries."""


class Dataclass(Protocol):
    """An instance of any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[UserValue]]]


#: What to write for a value that is not plain; raises `NotPlainError` when there is nothing.
Opaque: TypeAlias = Callable[[UserValue], JsonValue]


def refuse(value: UserValue) -> JsonValue:
    """Raise `NotPlainError`."""
    raise NotPlainError(classes.title_of(classes.of(value)))


class Encoder:
    """Writes values down. With `canonical`, equal values give equal JSON, the order of keys aside.

    A canonical form need not be read back, so it takes classes that cannot be found by name too.
    """

    def __init__(self, opaque: Opaque = refuse, *, canonical: bool = False) -> None:
        self._opaque = opaque
        self._canonical = canonical

    def encode(self, value: UserValue, depth: int = 0) -> JsonValue:
        """Return the value as tagged JSON."""
        kind = classes.of(value)
        if kind is str or kind is int or kind is bool or value is None:
            return _plain(value, kind)
        if depth > _DEEPEST:
            return self._opaque(value)
        if kind is list:
            return [self.encode(one, depth + 1) for one in value]
        if kind is dict:
            return self._dict(value, depth)
        leaf = _LEAVES.get(kind)
        if leaf is not None:
            return leaf(value)
        return self._rare(value, depth)

    def _dict(self, value: dict[UserValue, UserValue], depth: int) -> JsonValue:
        if TAG not in value and all(type(key) is str and _is_text(key) for key in value):
            return {key: self.encode(one, depth + 1) for key, one in value.items()}
        items = [[self.encode(key, depth + 2), self.encode(one, depth + 2)] for key, one in value.items()]
        return {TAG: "dict", "items": [*sorted(items, key=_text)] if self._canonical else [*items]}

    def _rare(self, value: UserValue, depth: int) -> JsonValue:
        kind = classes.of(value)
        if kind is tuple:
            return {TAG: "tuple", "items": [self.encode(one, depth + 2) for one in value]}
        if kind is set or kind is frozenset:
            items = sorted((self.encode(one, depth + 2) for one in value), key=_text)
            return {TAG: kind.__name__, "items": items}
        if kind is datetime or kind is time:
            return _moment(value) if _has_plain_zone(value) else self._opaque(value)
        if not (self._canonical or classes.is_importable(kind)):
            return self._opaque(value)
        if isinstance(value, Enum):
            return self._enum(value)
        if isinstance(value, BaseModel):
            return self._model(value, depth)
        if _is_plain_dataclass(value):
            fields = self._fields({one: getattr(value, one) for one in _names(value)}, depth)
            return {TAG: "dataclass", "class": self._name(kind), "fields": fields}
        return self._opaque(value)

    def _name(self, kind: type) -> str:
        return classes.content_name(kind) if self._canonical else classes.name_of(kind)

    def _enum(self, value: Enum) -> JsonValue:
        # A combination of flags is no member.
        if type(value).__members__.get(value.name) is not value:
            return self._opaque(value)
        return {TAG: "enum", "class": self._name(type(value)), "name": value.name}

    def _model(self, value: BaseModel, depth: int) -> JsonValue:
        kind = classes.of(value)
        if isinstance(value, _BUILT_IN):
            return self._opaque(value)
        return {
            TAG: "model",
            "class": self._name(kind),
            "fields": self._fields(vars(value), depth),
            "set": [*sorted(value.model_fields_set)],
            "extra": self._optional(value.__pydantic_extra__, depth),
            "private": self._optional(value.__pydantic_private__, depth),
        }

    def _optional(self, values: Mapping[str, UserValue] | None, depth: int) -> JsonValue:
        return None if values is None else self._fields(values, depth)

    def _fields(self, values: Mapping[str, UserValue], depth: int) -> dict[str, JsonValue]:
        return {name: self.encode(one, depth + 2) for name, one in values.items()}


def _plain(value: UserValue, kind: type) -> JsonValue:
    if kind is str and not _is_text(value):
        raw = value.encode("utf-8", "surrogatepass")
        return {TAG: "str", "base64": base64.b64encode(raw).decode()}
    if kind is int and not -_LARGEST <= value < _LARGEST:
        return {TAG: "int", "hex": hex(value)}
    return value


def _is_text(value: str) -> bool:
    """Whether the string can be written in UTF-8: lone surrogates cannot."""
    return value.isascii() or not any("\ud800" <= one <= "\udfff" for one in value)


def _text(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True)


def _float(value: float) -> JsonValue:
    return value if math.isfinite(value) else {TAG: "float", "is": str(value)}


def _moment(value: datetime | time) -> JsonValue:
    made: dict[str, JsonValue] = {TAG: type(value).__name__, "iso": value.isoformat()}
    if value.fold:
        made["fold"] = value.fold
    return made


def _has_plain_zone(value: datetime | time) -> bool:
    """Whether the ISO form says all: no zone, or a fixed offset without a name of its own."""
    zone = value.tzinfo
    if zone is None:
        return True
    return type(zone) is timezone and repr(zone) == repr(timezone(zone.utcoffset(None)))


def _is_plain_dataclass(value: UserValue) -> TypeGuard[Dataclass]:
    kind = classes.of(value)
    if not dataclasses.is_dataclass(kind) or isinstance(value, _BUILT_IN):
        return False
    names = set(_names(value))
    # What lies beside the fields would be lost, and what is not set could not be read.
    return set(getattr(value, "__dict__", names)) <= names and all(hasattr(value, one) for one in names)


def _names(value: Dataclass) -> list[str]:
    return [one.name for one in dataclasses.fields(value)]


_LEAVES: Final[Mapping[type, Callable[[UserValue], JsonValue]]] = {
    float: _float,
    bytes: lambda value: {TAG: "bytes", "base64": base64.b64encode(value).decode()},
    date: lambda value: {TAG: "date", "iso": value.isoformat()},
    timedelta: lambda value: {
        TAG: "timedelta",
        "is": [value.days, value.seconds, value.microseconds],
    },
    Decimal: lambda value: {TAG: "decimal", "is": str(value)},
    UUID: lambda value: {TAG: "uuid", "is": str(value)},
    _PATH: lambda value: {TAG: "path", "is": str(value)},
}
