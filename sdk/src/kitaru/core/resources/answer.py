"""KitaruAnswer: a request to answer one wait, as a CertificateSigningRequest is a request."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from kitaru.core.resources.conditions import Condition
from kitaru.core.resources.model import (
    NAME_LENGTH,
    BlobRef,
    Column,
    Model,
    Number,
    ObjectName,
    Resource,
    Rule,
    Timestamp,
    WaitId,
)


class AnswerPhase(StrEnum):
    """What became of an answer. Accepted and Refused are final."""

    PENDING = "Pending"
    ACCEPTED = "Accepted"
    REFUSED = "Refused"


class AnswerSpec(Model):
    """The answer to one question: exactly one of value, valueRef and abort. Unchangeable: create another one."""

    # CEL cannot name a field of any type, so that "exactly one" has to be said this way.
    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [one]} for one in ("value", "valueRef", "abort")]}
    )

    execution: ObjectName
    """The name of the KitaruExecution in this namespace."""
    wait: WaitId
    """The id of the wait, from the execution's status.waits."""
    value: Annotated[
        JsonValue,
        WithJsonSchema({"x-kubernetes-preserve-unknown-fields": True, "nullable": True}),
    ] = None
    """The answer, any JSON of at most 16 KiB, null included. It must fit the wait's schema."""
    value_ref: BlobRef | None = None
    """Where a larger answer lies in the store, instead of value."""
    abort: Annotated[Literal[True] | None, WithJsonSchema({"type": "boolean", "enum": [True]})] = None
    """Give `abort: true` instead of a value to end the execution as Cancelled."""
    answered_by: Annotated[str, Field(min_length=1, max_length=NAME_LENGTH)]
    """Who answers: your own user name. From Kubernetes 1.36 on it is filled in where it is absent."""

    rules = (Rule("self == oldSelf", "an answer cannot be changed; create another one"),)

    @property
    def given(self) -> bool:
        """Whether there is a value; null is one."""
        return "value" in self.model_fields_set

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.given, self.value_ref is not None, self.abort is True).count(True) != 1:
            message = "give exactly one of value, valueRef and abort"
            raise ValueError(message)
        return self

    @model_serializer(mode="wrap")
    def _keep_null(self, handler: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        written: dict[str, JsonValue] = handler(self)
        return {**written, "value": self.value} if self.given else written


class AnswerStatus(Model):
    """The verdict. Only the operator writes it."""

    observed_generation: Number | None = None
    """The metadata.generation that this status speaks of."""
    phase: AnswerPhase | None = None
    """Pending, Accepted or Refused. A verdict is never changed."""
    reason: Annotated[str, Field(max_length=64)] | None = None
    """Why, as one word for programs."""
    message: Annotated[str, Field(max_length=1024)] | None = None
    """Why, as a sentence for people: which field does not fit, which waits are open."""
    decided_at: Timestamp | None = None
    """When it was accepted or refused. Ten minutes later this object is removed; the journal keeps the answer."""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=8,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()
    """Accepted: the answer counts. Stored: an abort is stored and is accepted once the execution is Cancelled."""

    rules = (
        Rule(
            "!has(oldSelf.phase) || oldSelf.phase == 'Pending' || (has(self.phase) && self.phase == oldSelf.phase)",
            "a verdict cannot be changed",
            "phase",
        ),
    )


class KitaruAnswer(Resource):
    """An answer to one question of an execution. The first answer that fits wins; each gets its own verdict."""

    kind = "KitaruAnswer"
    plural = "kitaruanswers"
    short = "ka"
    columns: ClassVar[tuple[Column, ...]] = (
        Column("Execution", "string", ".spec.execution", "The execution."),
        Column("Wait", "string", ".spec.wait", "The wait."),
        Column("Phase", "string", ".status.phase", "The verdict."),
        Column("Answered-By", "string", ".spec.answeredBy", "Who answered."),
        Column("Age", "date", ".metadata.creationTimestamp", "Since when it exists."),
        Column("Message", "string", ".status.message", "Why.", priority=1),
    )
    selectable: ClassVar[tuple[str, ...]] = (".status.phase", ".spec.execution")

    spec: AnswerSpec
    status: AnswerStatus = AnswerStatus()
