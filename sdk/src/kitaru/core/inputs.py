"""A flow's inputs: JSON by parameter name, checked against the function's signature."""

from __future__ import annotations

import functools
import inspect
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import BoundArguments, Parameter
from typing import Final

import pydantic
from pydantic import JsonValue, TypeAdapter
from pydantic_core import PydanticSerializationError

from kitaru.core import plain
from kitaru.core.capture import Capture
from kitaru.core.deferred import DEFERRED
from kitaru.core.definitions import FlowDefinition
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruUsageError

_JSON: Final[TypeAdapter[UserValue]] = TypeAdapter(JsonValue, config=DEFERRED)


@dataclass(frozen=True, slots=True)
class _Input:
    """One parameter; `extra` stands for ``**kwargs``, whose items are inputs of their own."""

    name: str
    adapter: TypeAdapter[UserValue]
    default: UserValue
    extra: bool


def validate_inputs(
    definition: FlowDefinition, args: Sequence[UserValue], kwargs: Mapping[str, UserValue]
) -> dict[str, JsonValue]:
    """Return the arguments of a call as JSON by name, defaults included.

    Raises `KitaruUsageError` naming the parameter at fault.
    """
    signature = inspect.signature(definition.function)
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise KitaruUsageError(_misfit(definition, str(error))) from error
    bound.apply_defaults()
    return _all_to_json(definition, bound)


def validate_defaults(
    definition: FlowDefinition, kwargs: Mapping[str, UserValue], args: Sequence[UserValue] = ()
) -> dict[str, JsonValue]:
    """Return some of a call's arguments as JSON by name: what a deployed version is called with by default.

    Raises `KitaruUsageError` naming the parameter at fault.
    """
    try:
        bound = inspect.signature(definition.function).bind_partial(*args, **kwargs)
    except TypeError as error:
        raise KitaruUsageError(_misfit(definition, str(error))) from error
    return _all_to_json(definition, bound)


def replay_inputs(
    definition: FlowDefinition, recorded: Mapping[str, JsonValue], given: Mapping[str, UserValue]
) -> dict[str, JsonValue]:
    """Return what a replay calls the flow with: the recorded inputs, those that are given in their place.

    A recorded input that the function does not take any more is left out; a new parameter has its default.
    Raises `KitaruUsageError` naming the parameter at fault.
    """
    found = _inputs(definition)
    extra = any(one.extra for one in found.values())
    kept = {name: value for name, value in recorded.items() if extra or name in found}
    bound = bind_inputs(definition, {**kept, **validate_defaults(definition, given)})
    return _all_to_json(definition, bound)


def bind_inputs(definition: FlowDefinition, inputs: Mapping[str, JsonValue]) -> BoundArguments:
    """Return what to call the flow's function with: the JSON read into the parameters' types.

    Raises `KitaruUsageError` naming the parameter at fault.
    """
    found = _inputs(definition)
    bound = inspect.signature(definition.function).bind_partial()
    extra = next((one for one in found.values() if one.extra), None)
    for name, data in inputs.items():
        one = found.get(name)
        if one is not None and not one.extra:
            bound.arguments[name] = _from_json(definition, name, one, data)
        elif extra is not None:
            rest = bound.arguments.setdefault(extra.name, {})
            rest[name] = _from_json(definition, name, extra, data)
        else:
            raise KitaruUsageError(_misfit(definition, f"there is no parameter {name!r}"))
    for one in found.values():
        if one.default is Parameter.empty and not one.extra and one.name not in bound.arguments:
            raise KitaruUsageError(_misfit(definition, f"missing a required argument: {one.name!r}"))
    bound.apply_defaults()
    return bound


def input_schema(definition: FlowDefinition) -> dict[str, JsonValue]:
    """Return the JSON Schema of the object that holds the inputs."""
    found = _inputs(definition).values()
    schemas, shared = TypeAdapter[UserValue].json_schemas([(one.name, "validation", one.adapter) for one in found])
    properties: dict[str, UserValue] = {}
    for one in found:
        if not one.extra:
            properties[one.name] = dict(schemas[one.name, "validation"]) | _default(one)
    required = [one.name for one in found if one.default is Parameter.empty and not one.extra]
    schema: dict[str, UserValue] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    schema["additionalProperties"] = any(one.extra for one in found)
    return schema | {name: part for name, part in shared.items() if name == "$defs"}


def _default(one: _Input) -> dict[str, UserValue]:
    if one.default is Parameter.empty:
        return {}
    return {"default": one.adapter.dump_python(one.default, mode="json")}


def _inputs(definition: FlowDefinition) -> Mapping[str, _Input]:
    return _cached(definition.function, definition.name)


@functools.lru_cache(maxsize=256)
def _cached(function: Callable[..., UserValue], flow: str) -> Mapping[str, _Input]:
    hints: dict[str, UserValue] = {}
    with Capture(NameError, AttributeError):
        # A name that only type checkers import: its parameter takes any JSON.
        hints = typing.get_type_hints(function, include_extras=True)
    return {
        name: _Input(
            name,
            _adapter(flow, name, hints.get(name, JsonValue)),
            one.default,
            one.kind is Parameter.VAR_KEYWORD,
        )
        for name, one in inspect.signature(function).parameters.items()
    }


def _adapter(flow: str, name: str, hint: UserValue) -> TypeAdapter[UserValue]:
    try:
        return TypeAdapter(hint)
    except pydantic.PydanticSchemaGenerationError as error:
        message = (
            f"flow {flow}: parameter {name!r} has a type that is neither JSON nor one that pydantic "
            "knows: use JSON types, dataclasses or pydantic models for a flow's inputs."
        )
        raise KitaruUsageError(message) from error


def _all_to_json(definition: FlowDefinition, bound: BoundArguments) -> dict[str, JsonValue]:
    found = _inputs(definition)
    result: dict[str, JsonValue] = {}
    for name, value in bound.arguments.items():
        one = found[name]
        values: Mapping[str, UserValue] = value if one.extra else {name: value}
        for key, part in values.items():
            result[key] = _to_json(definition, key, one, part)
    return result


def _to_json(definition: FlowDefinition, name: str, one: _Input, value: UserValue) -> JsonValue:
    valid = _validated(definition, name, functools.partial(one.adapter.validate_python, value))
    try:
        dumped = one.adapter.dump_python(valid, mode="json", warnings="error")
        made: JsonValue = _JSON.validate_python(dumped)
    except (pydantic.ValidationError, PydanticSerializationError) as error:
        message = f"it is {type(value).__name__}, which is not JSON"
        raise KitaruUsageError(_misfit(definition, f"{name!r}: {message}")) from error
    problem = plain.problem(made)
    if problem is not None:
        raise KitaruUsageError(_misfit(definition, f"{name!r}: {problem}"))
    return made


def _from_json(definition: FlowDefinition, name: str, one: _Input, data: JsonValue) -> UserValue:
    text = json.dumps(data)
    return _validated(definition, name, functools.partial(one.adapter.validate_json, text))


def _validated(definition: FlowDefinition, name: str, validate: Callable[[], UserValue]) -> UserValue:
    try:
        return validate()
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in (name, *first["loc"]))
        raise KitaruUsageError(_misfit(definition, f"{field!r}: {first['msg']}")) from error


def _misfit(definition: FlowDefinition, why: str) -> str:
    return f"The inputs do not fit flow {definition.name}: {why}."
