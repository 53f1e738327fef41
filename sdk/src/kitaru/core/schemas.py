"""Whether an answer fits the JSON Schema of its wait, judged in the same words on every stack.

Not imported by `import kitaru`: jsonschema costs more than all the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

import jsonschema
import jsonschema.validators
import referencing.exceptions
from pydantic import JsonValue
from referencing.jsonschema import EMPTY_REGISTRY

#: A sentence for a person, not a copy of the value.
_LONGEST: Final = 300
_GATE: Final = "value: this wait only asks whether to go on, so the answer must be null."
_NO_SCHEMA: Final = "value: the schema that the wait recorded is not a valid JSON Schema."


def problem(schema: str | None, value: JsonValue) -> str | None:
    """Return None when `value` fits, else one sentence that names the field at fault.

    `schema` is JSON text as a wait records it; None stands for a mere gate, which only null fits.
    A schema that is broken, or that points outside itself, fits nothing.
    """
    if schema is None:
        return None if value is None else _GATE
    document = json.loads(schema)
    judge = jsonschema.validators.validator_for(document, default=jsonschema.Draft202012Validator)
    try:
        judge.check_schema(document)
        # The empty registry keeps a schema from making this process fetch what it refers to.
        error = _first(judge(document, registry=EMPTY_REGISTRY).iter_errors(value))
    except (jsonschema.SchemaError, referencing.exceptions.Unresolvable):
        return _NO_SCHEMA
    return None if error is None else _sentence(error)


def _first(errors: Iterable[jsonschema.ValidationError]) -> jsonschema.ValidationError | None:
    """Return the error nearest to the root; of a union's branches, the one that got furthest."""
    error = min(errors, key=_depth, default=None)
    while error is not None and error.context:
        error = max(error.context, key=_depth)
    return error


def _depth(error: jsonschema.ValidationError) -> int:
    return len(error.absolute_path)


def _sentence(error: jsonschema.ValidationError) -> str:
    field = "value" + "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path
    )
    text = f"{field}: {error.message}"
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 1]}…"
    return f"{text}."
