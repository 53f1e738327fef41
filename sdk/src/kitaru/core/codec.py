"""Frozen dataclasses as JSON and back, for what is read and written whole: slots, segments, specs.

It gives the same bytes as pydantic's `TypeAdapter`, and reads the same, on the same core; a test compares. But an
adapter is built in longer than all else takes that a runner does before the flow's first line, so the schema is made
here, from the annotations that such records have and no others:

    str, int, float, bool, datetime, a StrEnum, Literal[...], JsonValue, another dataclass,
    X | None, tuple[X, ...], Mapping[str, X], and a union of dataclasses that a field `kind` tells apart
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar, Union

import pydantic_core
from pydantic import JsonValue
from pydantic_core import CoreSchema, core_schema

from kitaru.errors import KitaruSerializationError

T = TypeVar("T")

#: An annotation, as `typing.get_type_hints` gives it.
Hint: TypeAlias = Any

_SCALARS: Final[Mapping[Hint, CoreSchema]] = {
    str: core_schema.str_schema(),
    int: core_schema.int_schema(),
    float: core_schema.float_schema(),
    bool: core_schema.bool_schema(),
    datetime: core_schema.datetime_schema(microseconds_precision="truncate"),
}
_KIND: Final = "kind"


class Codec(Generic[T]):
    """Writes and reads one kind of value. `hint` is its type, or an alias of a union of types."""

    def __init__(self, hint: Hint) -> None:
        self._schema = _Schemas().whole(hint)

    @functools.cached_property
    def _serializer(self) -> pydantic_core.SchemaSerializer:
        # At its first use: a program that imports Kitaru may never write such a value.
        return pydantic_core.SchemaSerializer(self._schema)

    @functools.cached_property
    def _validator(self) -> pydantic_core.SchemaValidator:
        # Values are not shared between reads: a process would keep the ids of thousands of executions that are over.
        return pydantic_core.SchemaValidator(self._schema, core_schema.CoreConfig(cache_strings="keys"))

    def encode(self, value: T) -> bytes:
        """Return the value as JSON, every field written out.

        Raises `KitaruSerializationError` for a field of another type than its own: it could never be read again.
        """
        try:
            return self._serializer.to_json(value, warnings="error")
        except pydantic_core.PydanticSerializationError as error:
            message = f"{type(value).__name__} cannot be written: {' '.join(str(error).split())}"
            raise KitaruSerializationError(message) from error

    def decode(self, body: bytes) -> T:
        """Return the value; unknown fields are skipped. Raises `pydantic.ValidationError` when it does not fit."""
        return self._validator.validate_json(body)


class _Schemas:
    """Builds a schema; each dataclass once, so that one may hold itself."""

    def __init__(self) -> None:
        self._made: dict[type, CoreSchema | None] = {}

    def whole(self, hint: Hint) -> CoreSchema:
        schema = self._of(hint)
        return core_schema.definitions_schema(schema, [made for made in self._made.values() if made is not None])

    def _of(self, hint: Hint) -> CoreSchema:
        if hint in _SCALARS:
            return _SCALARS[hint]
        if hint is JsonValue:
            return core_schema.any_schema()  # of JSON, anything is JSON
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            return self._dataclass(hint)
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            return core_schema.enum_schema(hint, list(hint), sub_type="str")
        return self._generic(typing.get_origin(hint), typing.get_args(hint), hint)

    def _generic(self, origin: Hint, parts: tuple[Hint, ...], hint: Hint) -> CoreSchema:
        if origin is typing.Annotated:
            return self._of(parts[0])
        if origin is Literal:
            return core_schema.literal_schema(list(parts))
        if origin is tuple and parts[1:] == (...,):
            return core_schema.tuple_schema([self._of(parts[0])], variadic_item_index=0)
        if origin in {Mapping, dict} and parts[0] is str:
            return core_schema.dict_schema(core_schema.str_schema(), self._of(parts[1]))
        if origin in {Union, types.UnionType}:
            return self._union(parts)
        message = f"a record cannot hold {hint!r}"
        raise TypeError(message)

    def _union(self, parts: tuple[Hint, ...]) -> CoreSchema:
        given = [part for part in parts if part is not types.NoneType]
        if len(given) == 1:
            schema = self._of(given[0])
        else:
            choices = {_kind(part): self._of(part) for part in given}
            schema = core_schema.tagged_union_schema(choices, discriminator=_KIND)
        return schema if len(given) == len(parts) else core_schema.nullable_schema(schema)

    def _dataclass(self, kind: type) -> CoreSchema:
        reference = f"{kind.__module__}.{kind.__qualname__}"
        if kind not in self._made:
            self._made[kind] = None  # being made
            hints = typing.get_type_hints(kind)
            fields = [self._field(one, hints[one.name]) for one in dataclasses.fields(kind)]
            self._made[kind] = core_schema.dataclass_schema(
                kind,
                core_schema.dataclass_args_schema(kind.__name__, fields),
                [one["name"] for one in fields],
                slots=True,
                ref=reference,
            )
        return core_schema.definition_reference_schema(reference)

    def _field(self, field: dataclasses.Field[Any], hint: Hint) -> core_schema.DataclassField:
        schema = self._of(hint)
        if field.default is not dataclasses.MISSING:
            schema = core_schema.with_default_schema(schema, default=field.default)
        elif field.default_factory is not dataclasses.MISSING:
            schema = core_schema.with_default_schema(schema, default_factory=field.default_factory)
        return core_schema.dataclass_field(field.name, schema)


def _kind(part: Hint) -> str:
    """Return the `kind` that tells a dataclass from the others of its union."""
    found = next(one for one in dataclasses.fields(part) if one.name == _KIND)
    return str(found.default)
