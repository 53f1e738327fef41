"""Whether an answer fits the JSON Schema of its wait, judged in the same words on every stack.

A schema comes from a flow's code and is judged inside the operator too, so it is not trusted: it
cannot make the judge fetch anything, match a pattern for ever, or follow references without end.

Not imported by `import kitaru`: jsonschema costs more than all the rest.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NoReturn, Protocol, TypeAlias

import jsonschema
import jsonschema.protocols
import jsonschema.validators
import pydantic_core
import referencing.exceptions
from pydantic import JsonValue
from pydantic_core import core_schema
from referencing.jsonschema import EMPTY_REGISTRY

#: A sentence for a person, not a copy of the value.
_LONGEST: Final = 300
#: References that one judgement follows: far more than any model has, far from an exponential.
_REFERENCES: Final = 10_000
_GATE: Final = "value: this wait only asks whether to go on, so the answer must be null."
_NO_SCHEMA: Final = "value: the schema that the wait recorded cannot be judged."

_Instance: TypeAlias = Mapping[str, object] | list[object] | str | float | bool | None
_Schema: TypeAlias = Mapping[str, object]
_Errors: TypeAlias = Iterator[jsonschema.ValidationError]


class _Node(Protocol):
    """A validator at one place of a schema."""

    def descend(self, instance: object, schema: object, path: str) -> _Errors:
        """Judge a part of the value."""
        ...


_Keyword: TypeAlias = Callable[[_Node, str, _Instance, _Schema], _Errors]

#: The one function of jsonschema whose type its stubs leave open.
_create: Final[Callable[..., type[jsonschema.protocols.Validator]]] = vars(jsonschema.validators)["create"]
_DIALECT: Final = jsonschema.Draft202012Validator
_FORMATS: Final = {
    name: pydantic_core.SchemaValidator(schema)
    for name, schema in {
        "date": core_schema.date_schema(),
        "date-time": core_schema.datetime_schema(),
        "time": core_schema.time_schema(),
        "duration": core_schema.timedelta_schema(),
        "uuid": core_schema.uuid_schema(),
        "uri": core_schema.url_schema(),
    }.items()
}
#: What is raised for a schema by which nothing can be judged.
_UNJUDGED: Final = (
    jsonschema.SchemaError,
    pydantic_core.SchemaError,
    referencing.exceptions.Unresolvable,
    RecursionError,
)
_NO_FORMATS: Final = jsonschema.FormatChecker(formats=())


def problem(schema: str | None, value: JsonValue) -> str | None:
    """Return None when `value` fits, else one sentence that names the field at fault.

    `schema` is JSON text as a wait records it, of the dialect 2020-12; None stands for a mere gate,
    which only null fits. A schema that is broken, or that points outside itself, fits nothing.
    """
    if schema is None:
        return None if value is None else _GATE
    try:
        error = _error(json.loads(schema), value)
    except _UNJUDGED:
        return _NO_SCHEMA
    return None if error is None else _sentence("value", error)


def input_problem(schema: Mapping[str, JsonValue], inputs: Mapping[str, JsonValue]) -> str | None:
    """Return None when a flow's inputs fit the schema of its version, else one sentence that names the input at fault.

    What such a schema cannot judge, an attempt does, by the function's signature, before it runs the body.
    """
    try:
        error = _error(schema, inputs)
    except _UNJUDGED:
        return None
    return None if error is None else _sentence("inputs", error)


def _error(
    document: Mapping[str, JsonValue], value: JsonValue | Mapping[str, JsonValue]
) -> jsonschema.ValidationError | None:
    _DIALECT.check_schema(document, format_checker=_NO_FORMATS)
    return _first(_judge()(document, registry=EMPTY_REGISTRY).iter_errors(value))


def _judge() -> type[jsonschema.protocols.Validator]:
    """Return a validator class for one judgement: it counts the references that it follows."""
    count = itertools.count()

    def follow(keyword: str) -> _Keyword:
        original = _DIALECT.VALIDATORS[keyword]

        def counted(node: _Node, reference: str, value: _Instance, schema: _Schema) -> _Errors:
            if next(count) >= _REFERENCES:
                message = "the schema's references have no end"
                raise jsonschema.SchemaError(message)
            yield from original(node, reference, value, schema)

        return counted

    return _create(
        meta_schema=_DIALECT.META_SCHEMA,
        validators={
            **_DIALECT.VALIDATORS,
            "$ref": follow("$ref"),
            "$dynamicRef": follow("$dynamicRef"),
            "pattern": _pattern,
            "patternProperties": _pattern_properties,
            "additionalProperties": _additional_properties,
            "unevaluatedProperties": _refused,
            "unevaluatedItems": _refused,
            "format": _format,
        },
        type_checker=_DIALECT.TYPE_CHECKER,
    )


def _format(_node: _Node, name: str, value: _Instance, _schema: _Schema) -> _Errors:
    """Judge the formats of the types that a model's dates and ids have, in the way that its answer is read."""
    judge = _FORMATS.get(name)
    if judge is None or not isinstance(value, str):
        return
    try:
        judge.validate_json(json.dumps(value))
    except pydantic_core.ValidationError as error:
        yield jsonschema.ValidationError(f"{value!r} is no {name}: {error.errors(include_url=False)[0]['msg']}")


def _pattern(_node: _Node, pattern: str, value: _Instance, _schema: _Schema) -> _Errors:
    if isinstance(value, str) and not _matches(pattern, value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(node: _Node, patterns: Mapping[str, _Schema], value: _Instance, _schema: _Schema) -> _Errors:
    if not isinstance(value, Mapping):
        return
    for pattern, schema in patterns.items():
        for name, part in value.items():
            if _matches(pattern, name):
                yield from node.descend(part, schema, path=name)


def _additional_properties(node: _Node, rest: _Schema, value: _Instance, schema: _Schema) -> _Errors:
    """Judge as jsonschema does, which matches names by Python's engine when there are patterns."""
    if "patternProperties" in schema:
        _refused(node, rest, value, schema)
    yield from _DIALECT.VALIDATORS["additionalProperties"](node, rest, value, schema) or ()


def _refused(_node: _Node, _keyword: object, _value: _Instance, _schema: _Schema) -> NoReturn:
    message = "a keyword that cannot be judged in bounded time"
    raise jsonschema.SchemaError(message)


def _matches(pattern: str, text: str) -> bool:
    """Search with an engine that takes linear time, whatever the pattern is."""
    schema = core_schema.str_schema(pattern=pattern, regex_engine="rust-regex")
    try:
        pydantic_core.SchemaValidator(schema).validate_python(text)
    except pydantic_core.ValidationError:
        return False
    return True


def _first(errors: Iterable[jsonschema.ValidationError]) -> jsonschema.ValidationError | None:
    """Return the error nearest to the root; of a union's branches, the one that got furthest."""
    error = min(errors, key=_depth, default=None)
    while error is not None and error.context:
        error = max(error.context, key=_depth)
    return error


def _depth(error: jsonschema.ValidationError) -> int:
    return len(error.absolute_path)


def _sentence(what: str, error: jsonschema.ValidationError) -> str:
    field = what + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    text = f"{field}: {error.message}"
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 1]}…"
    return f"{text}."
