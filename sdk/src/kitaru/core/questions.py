"""What a wait asks for: any type that pydantic knows, as JSON Schema on the way out."""

from __future__ import annotations

import json
from typing import Final

import pydantic
from pydantic import JsonValue, TypeAdapter

from kitaru.core import classes, plain
from kitaru.core.deferred import DEFERRED
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruUsageError, KitaruWaitValidationError

_METADATA: Final[TypeAdapter[dict[str, JsonValue]]] = TypeAdapter(dict[str, JsonValue], config=DEFERRED)


class Question:
    """The schema of one wait. None asks only whether to go on, and is answered by null.

    Raises `KitaruUsageError` when pydantic cannot make a JSON Schema of it.
    """

    def __init__(self, wait: str, schema: UserValue) -> None:
        self._wait = wait
        self._adapter: TypeAdapter[UserValue] = TypeAdapter(type(None))
        self.text: str | None = None
        if schema is None:
            return
        try:
            self._adapter = TypeAdapter(schema)
            self.text = json.dumps(self._adapter.json_schema(), sort_keys=True)
        except (pydantic.PydanticSchemaGenerationError, pydantic.PydanticUserError) as error:
            message = (
                f"wait {wait}: schema={schema!r} cannot be asked for: use a type that pydantic can "
                "describe as JSON Schema, such as bool, str, a Literal, a dataclass or a model."
            )
            raise KitaruUsageError(message) from error

    def read(self, value: JsonValue) -> UserValue:
        """Return the answer in the schema's type. Raises `KitaruWaitValidationError`."""
        try:
            return self._adapter.validate_json(json.dumps(value))
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in ("value", *first["loc"]))
            message = f"The answer to wait {self._wait} does not fit: {field}: {first['msg']}."
            raise KitaruWaitValidationError(message) from error


def check_metadata(what: str, metadata: UserValue) -> dict[str, JsonValue]:
    """Return metadata. Raises `KitaruUsageError` when it is no JSON object that the log can hold."""
    try:
        found = _METADATA.validate_python(metadata or {})
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        message = f"{what} must be a JSON object, with JSON values: {field or 'it'}: {first['msg']}."
        raise KitaruUsageError(message) from error
    for name, value in found.items():
        problem = plain.problem(value)
        if problem is not None:
            message = f"{what} must be JSON: {name}: {problem}."
            raise KitaruUsageError(message)
    return found


def check_text(what: str, text: UserValue) -> str:
    """Return the text. Raises `KitaruUsageError` when it is none that the log can hold."""
    problem = plain.problem(text) if isinstance(text, str) else f"it is {classes.title_of(classes.of(text))}"
    if problem is not None:
        message = f"{what} must be a string: {problem}."
        raise KitaruUsageError(message)
    return str(text)
