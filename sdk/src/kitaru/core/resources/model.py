"""What the three kinds have in common: how they are read and written, their metadata, their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Final, TypeAlias, TypeVar

import pydantic
from pydantic import (
    AwareDatetime,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from kitaru.core import names
from kitaru.errors import KitaruUsageError

GROUP: Final = "kitaru.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

#: The id under which an execution's data lies: its first uid, kept when a backup brings it back under another.
EXECUTION_ID: Final = f"{GROUP}/execution-id"
#: Labels of a runner's pod.
FLOW_LABEL: Final = f"{GROUP}/flow"
EXECUTION_LABEL: Final = f"{GROUP}/execution-uid"
ATTEMPT_LABEL: Final = f"{GROUP}/attempt"
#: Held by executions whose data goes with them.
FINALIZER: Final = f"{GROUP}/purge"

#: The longest name of a Kubernetes object.
NAME_LENGTH: Final = 253
#: A wait id is a name and, from the second of its name on, a number.
WAIT_LENGTH: Final = names.NAME_LENGTH + 16
#: Inputs and answers beyond this many bytes do not belong into a resource: refused with reason TooLarge.
INLINE_LIMIT: Final = 16 * 1024
#: The most bytes that a reference may stand for: the operator holds them in memory.
BLOB_LIMIT: Final = 4 * 1024 * 1024

_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_TIME)


#: An aware time; whole seconds in UTC when it is written, as everywhere in Kubernetes.
Timestamp: TypeAlias = Annotated[AwareDatetime, PlainSerializer(_rfc3339, return_type=str)]
#: A JSON object of any content. A schema cannot bound it; `INLINE_LIMIT` does.
Free: TypeAlias = Annotated[
    Mapping[str, JsonValue],
    WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
]
ObjectName: TypeAlias = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH)]
FlowName: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=names.RESOURCE_LENGTH, pattern="^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"),
]
WaitId: TypeAlias = Annotated[str, Field(min_length=1, max_length=WAIT_LENGTH, pattern="^[A-Za-z_][A-Za-z0-9_.-]*$")]
Number: TypeAlias = Annotated[int, Field(ge=0, le=2**53)]
VersionNumber: TypeAlias = Annotated[int, Field(ge=1, le=2**31 - 1)]
Image: TypeAlias = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^\S+$")]


@dataclass(frozen=True, slots=True)
class Rule:
    """One sentence of CEL that the API server holds a value to. `field` is the one that is named when it fails."""

    rule: str
    message: str
    field: str | None = None

    def definition(self) -> dict[str, JsonValue]:
        """Return the rule as an item of `x-kubernetes-validations`."""
        item: dict[str, JsonValue] = {"rule": self.rule, "message": self.message}
        return item if self.field is None else {**item, "fieldPath": f".{self.field}"}


def unchanged(field: str, message: str) -> Rule:
    """Return the rule that an optional field stays as it was: neither added, nor changed, nor taken away."""
    rule = f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
    return Rule(rule, message, field)


class Model(pydantic.BaseModel):
    """A part of a resource: snake_case here, camelCase in JSON, immutable."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        validate_by_alias=True,
        validate_by_name=True,
    )

    #: What the API server holds values of this model to.
    rules: ClassVar[tuple[Rule, ...]] = ()

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON Schema with the rules, which the CRD generator takes over."""
        schema = handler.resolve_ref_schema(handler(core))
        if cls.rules:
            schema["x-kubernetes-validations"] = [rule.definition() for rule in cls.rules]
        return schema


class BlobRef(Model):
    """JSON that lies in the store, under the SHA-256 of its bytes, in this namespace. Kitaru's own faces make it."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", max_length=64)]
    """The SHA-256 of the JSON text, in hex."""
    size: Annotated[int, Field(ge=1, le=BLOB_LIMIT)]
    """The length of the JSON text in bytes, at most 4 MiB."""


class Metadata(Model):
    """The part of `metadata` that Kitaru looks at."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Timestamp | None = None
    deletion_timestamp: Timestamp | None = None
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    finalizers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`. Those with a priority above 0 are shown by `-o wide` only."""

    name: str
    type: str
    path: str
    description: str
    priority: int = 0


class Resource(Model):
    """An object of one of the three kinds."""

    #: The kind, its plural in URLs, its short name, and the columns that `kubectl get` prints.
    kind: ClassVar[str]
    plural: ClassVar[str]
    short: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]] = ()
    selectable: ClassVar[tuple[str, ...]] = ()

    metadata: Metadata


class ResourceError(KitaruUsageError):
    """A resource, or a part of one, cannot be read. `field` is the path of the value at fault."""

    code = "resource"

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


_T = TypeVar("_T", bound=Model)


def read(kind: type[_T], body: Mapping[str, JsonValue]) -> _T:
    """Return what `body` holds, fields that this version does not know left aside.

    Raises `ResourceError`, which names the first field at fault.
    """
    try:
        return kind.model_validate(body, extra="ignore")
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = _path(first["loc"])
        what = "is required" if first["type"] == "missing" else _reason(first["msg"])
        message = f"{_title(kind, body)}: {field} {what}." if field else f"{_title(kind, body)} {what}."
        raise ResourceError(message, field) from error


def _path(location: tuple[int | str, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".")


def _reason(message: str) -> str:
    text = message.removeprefix("Value error, ").rstrip(".")
    return f"is not valid: {text[:1].lower()}{text[1:]}"


def _title(kind: type[Model], body: Mapping[str, JsonValue]) -> str:
    metadata = body.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return kind.__name__ if name is None else f"{kind.__name__} {name!r}"


def write(model: Model) -> dict[str, JsonValue]:
    """Return the model as JSON in camelCase. What is None is left out, but for free values that were given as null."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
