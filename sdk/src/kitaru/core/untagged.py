"""Tagged JSON read back."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Final, TypeAlias, TypeVar
from uuid import UUID

from pydantic import BaseModel

from kitaru.core import classes
from kitaru.core.tagged import TAG, UserValue
from kitaru.errors import KitaruSerializationError

_Node: TypeAlias = dict[str, UserValue]
_T = TypeVar("_T")


def decode(data: UserValue) -> UserValue:
    """Return the value that tagged JSON stands for.

    Raises `KitaruSerializationError` for a class or a kind that is not known here.
    """
    kind = classes.of(data)
    if kind is list:
        return [decode(one) for one in data]
    if kind is not dict:
        return data
    if TAG not in data:
        return {key: decode(one) for key, one in data.items()}
    kind = data[TAG]
    reader = _READERS.get(kind)
    if reader is None:
        message = f"A value of kind {kind!r} is unknown here: use a Kitaru at least as new as the one that wrote it."
        raise KitaruSerializationError(message)
    return reader(data)


def _items(data: _Node) -> list[UserValue]:
    return [decode(one) for one in data["items"]]


def _dict(data: _Node) -> UserValue:
    return {decode(key): decode(one) for key, one in data["items"]}


def _str(data: _Node) -> str:
    return base64.b64decode(data["base64"]).decode("utf-8", "surrogatepass")


def _enum(data: _Node) -> UserValue:
    kind = _class(data, Enum)
    name = data["name"]
    if name not in kind.__members__:
        message = f"{data['class']} has no member {name} any more: add it again, or run anew."
        raise KitaruSerializationError(message)
    return kind[name]


def _dataclass(data: _Node) -> UserValue:
    kind = _class(data, object)
    if not dataclasses.is_dataclass(kind):
        raise _unknown(data)
    made = object.__new__(kind)
    values = _fields(data["fields"])
    for field in dataclasses.fields(kind):
        if field.name in values:
            # The constructor may compute, check or refuse; the value is what it was.
            object.__setattr__(made, field.name, values[field.name])
        elif field.default is not dataclasses.MISSING:
            object.__setattr__(made, field.name, field.default)
        elif field.default_factory is not dataclasses.MISSING:
            object.__setattr__(made, field.name, field.default_factory())
    return made


def _model(data: _Node) -> UserValue:
    kind = _class(data, BaseModel)
    values = _fields(data["fields"])
    for name, field in kind.model_fields.items():
        if name not in values and not field.is_required():
            values[name] = field.get_default(call_default_factory=True, validated_data=values)
    made = kind.__new__(kind)
    BaseModel.__setstate__(
        made,
        {
            "__dict__": values,
            "__pydantic_fields_set__": set(data["set"]),
            "__pydantic_extra__": _optional(data["extra"]),
            "__pydantic_private__": _optional(data["private"]),
        },
    )
    return made


def _fields(data: Mapping[str, UserValue]) -> dict[str, UserValue]:
    return {name: decode(one) for name, one in data.items()}


def _optional(data: Mapping[str, UserValue] | None) -> dict[str, UserValue] | None:
    return None if data is None else _fields(data)


def _class(data: _Node, base: type[_T]) -> type[_T]:
    found = classes.find(data["class"])
    if found is None or not issubclass(found, base):
        raise _unknown(data)
    return found


def _unknown(data: _Node) -> KitaruSerializationError:
    name: str = data["class"]
    script = name.startswith("__main__")
    remedy = "Run or import the script that has it." if script else "Install or import the module that has it."
    message = f"A value of class {name} cannot be read: there is no such {data[TAG]} here. {remedy}"
    return KitaruSerializationError(message)


def _moment(kind: type[datetime | time]) -> Callable[[_Node], UserValue]:
    def read(data: _Node) -> UserValue:
        return kind.fromisoformat(data["iso"]).replace(fold=data.get("fold", 0))

    return read


_READERS: Final[Mapping[str, Callable[[_Node], UserValue]]] = {
    "bytes": lambda data: base64.b64decode(data["base64"]),
    "dataclass": _dataclass,
    "date": lambda data: date.fromisoformat(data["iso"]),
    "datetime": _moment(datetime),
    "decimal": lambda data: Decimal(data["is"]),
    "dict": _dict,
    "enum": _enum,
    "float": lambda data: float(data["is"]),
    "frozenset": lambda data: frozenset(_items(data)),
    "int": lambda data: int(data["hex"], 16),
    "model": _model,
    "path": lambda data: Path(data["is"]),
    "set": lambda data: set(_items(data)),
    "str": _str,
    "time": _moment(time),
    "timedelta": lambda data: timedelta(*data["is"]),
    "tuple": lambda data: tuple(_items(data)),
    "uuid": lambda data: UUID(data["is"]),
}
