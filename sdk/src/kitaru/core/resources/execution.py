"""KitaruExecution: one run of a flow. Its spec says what is wanted, its status sums up the journal."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import Field

from kitaru.core import names
from kitaru.core.phases import Phase
from kitaru.core.resources.conditions import Condition
from kitaru.core.resources.flow import TagName
from kitaru.core.resources.model import (
    WAIT_LENGTH,
    BlobRef,
    Column,
    FlowName,
    Free,
    Image,
    Model,
    Number,
    Resource,
    Rule,
    Timestamp,
    VersionNumber,
    WaitId,
    unchanged,
)
from kitaru.errors import FailureOrigin

#: How many open waits the status names; the journal has them all.
WAITS_SHOWN: Final = 8
_ANOTHER: Final = "create another execution"


class DeletionPolicy(StrEnum):
    """What becomes of an execution's data in the store when its resource is deleted."""

    RETAIN = "Retain"
    PURGE = "Purge"


class ExecutionSpec(Model):
    """What is wanted. Only cancel, retry and deletionPolicy can be changed."""

    flow: FlowName
    """The name of the KitaruFlow in this namespace."""
    version: VersionNumber | None = None
    """The version to run. Without version and tag it is the tag `default`."""
    tag: TagName | None = None
    """The tag whose version to run, resolved once, at the first attempt."""
    inputs: Free = {}
    """The flow's inputs by name, at most 16 KiB of JSON. They come before the flow's defaults."""
    inputs_ref: BlobRef | None = None
    """Where more inputs lie in the store, as one JSON object. Those in inputs come before them."""
    retry: Annotated[int, Field(ge=0, le=1000)] = 0
    """How often the execution may be tried again after it failed. Raise it to retry a Failed one: finished calls are
    reused."""
    cancel: bool = False
    """Set it to end the execution as Cancelled; one that is over stays as it is. It cannot be taken back."""
    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN
    """What becomes of the data in the store when this resource is deleted: Retain keeps it, Purge deletes it. In a
    namespace that is being deleted nothing waits for the store: the data stays, whatever is said here."""
    start_deadline_seconds: Annotated[int, Field(ge=1, le=86400)] = 600
    """How many seconds an attempt may take to start (image, scheduling) before the execution is Failed."""

    rules = (
        Rule("!(has(self.version) && has(self.tag))", "give version or tag, not both", "tag"),
        Rule("self.flow == oldSelf.flow", f"flow cannot be changed; {_ANOTHER}", "flow"),
        unchanged("version", f"version cannot be changed; {_ANOTHER}"),
        unchanged("tag", f"tag cannot be changed; {_ANOTHER}"),
        unchanged("inputs", f"inputs cannot be changed; {_ANOTHER}"),
        unchanged("inputsRef", f"inputsRef cannot be changed; {_ANOTHER}"),
        unchanged("startDeadlineSeconds", f"startDeadlineSeconds cannot be changed; {_ANOTHER}"),
        Rule(
            "!has(oldSelf.cancel) || !oldSelf.cancel || (has(self.cancel) && self.cancel)",
            "cancel cannot be taken back",
            "cancel",
        ),
        Rule("!has(oldSelf.retry) || (has(self.retry) && self.retry >= oldSelf.retry)", "retry can only grow", "retry"),
    )


class JournalRef(Model):
    """Where the execution's journal is: the truth that this status sums up."""

    uri: Annotated[str, Field(min_length=1, max_length=512)]
    """The journal's place in the store, without credentials."""
    head: Number
    """How many slots the operator has read."""


class WaitStatus(Model):
    """A question that the flow asks the outside world. Answer it with a KitaruAnswer that names its id."""

    id: WaitId
    """What an answer names. A second question of one name has an id of its own."""
    name: Annotated[str, Field(max_length=names.NAME_LENGTH)]
    """The wait's name in the flow's code."""
    slot: Number
    """The slot of the journal that has the question and the schema in full."""
    question: Annotated[str, Field(max_length=4096)] | None = None
    """What is asked. It may be cut."""
    schema_: Annotated[Free | None, Field(alias="schema")] = None
    """The JSON Schema that the answer's value must fit. Left out where the value must be null, and where the schema is
    large: the journal has it."""
    since: Timestamp | None = None
    """When it was asked."""
    deadline: Timestamp | None = None
    """Until when an answer is taken."""


class Checkpoints(Model):
    """How far the execution has come."""

    completed: Number = 0
    """How many checkpoint calls have returned, taken results included. Those that raised do not count."""


class FailureStatus(Model):
    """Why the execution failed."""

    origin: FailureOrigin
    """Who failed: the flow's code, the runtime, the backend, or code that no longer fits its journal."""
    checkpoint: Annotated[str, Field(max_length=WAIT_LENGTH)] | None = None
    """The checkpoint call that failed, if one did."""
    message: Annotated[str, Field(max_length=4096)]
    """The error with its type, cut. Its traceback is in the logs."""


class ExecutionStatus(Model):
    """What the journal says, in short: at most 2.5 KiB, however long the execution is. Only the operator writes it."""

    observed_generation: Number | None = None
    """The metadata.generation that this status speaks of."""
    phase: Phase | None = None
    """Pending, Running, Waiting (for an answer, with no pod once the wait's own timeout is over), Completed, Failed or
    Cancelled."""
    version: VersionNumber | None = None
    """The flow's version that runs, resolved at the first attempt."""
    image: Image | None = None
    """The image that runs, pinned to its digest once a pod has reported it."""
    attempt: Number = 0
    """The number of the attempt that may write the journal. It only grows."""
    failures: Number = 0
    """How often the execution has failed; it is tried again while this is at most spec.retry."""
    pod_name: Annotated[str, Field(max_length=names.RESOURCE_LENGTH)] | None = None
    """The pod of the running attempt. A waiting execution has none."""
    started_at: Timestamp | None = None
    """When the first attempt began."""
    finished_at: Timestamp | None = None
    """When the execution ended."""
    spec_digest: Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$", max_length=71)] | None = None
    """The digest of the frozen spec.json. No pod is made from one that was changed."""
    journal: JournalRef | None = None
    """Where the journal is."""
    waits: Annotated[
        tuple[WaitStatus, ...],
        Field(
            max_length=WAITS_SHOWN,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"]},
        ),
    ] = ()
    """The open questions, oldest first, at most eight."""
    waiting_for: Annotated[str, Field(max_length=256)] | None = None
    """The ids of the open questions, for people."""
    checkpoints: Checkpoints | None = None
    """How far it has come."""
    result: Annotated[str, Field(max_length=4096)] | None = None
    """What the flow returned, as JSON text, cut. The journal has it in full."""
    failure: FailureStatus | None = None
    """Why it failed."""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=8,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()
    """Succeeded, Waiting, RunnerReady and StoreReady, each with its reason."""

    rules = (
        Rule(
            "!has(oldSelf.attempt) || (has(self.attempt) && self.attempt >= oldSelf.attempt)",
            "attempt can only grow",
            "attempt",
        ),
        Rule(
            "!has(oldSelf.specDigest) || (has(self.specDigest) && self.specDigest == oldSelf.specDigest)",
            "specDigest cannot be changed once it is set",
            "specDigest",
        ),
    )


class KitaruExecution(Resource):
    """One run of a flow. It goes on where it was after a crash, and holds no pod while it waits for an answer."""

    kind = "KitaruExecution"
    plural = "kitaruexecutions"
    short = "kx"
    columns: ClassVar[tuple[Column, ...]] = (
        Column("Flow", "string", ".spec.flow", "The flow."),
        Column("Version", "integer", ".status.version", "The flow's version."),
        Column("Phase", "string", ".status.phase", "Where it is in its life."),
        Column("Checkpoints", "integer", ".status.checkpoints.completed", "How many checkpoint calls have returned."),
        Column("Waiting-For", "string", ".status.waitingFor", "The open questions."),
        Column("Age", "date", ".metadata.creationTimestamp", "Since when it exists."),
        Column("Attempt", "integer", ".status.attempt", "The number of the attempt.", priority=1),
        Column("Pod", "string", ".status.podName", "The pod of the running attempt.", priority=1),
    )
    selectable: ClassVar[tuple[str, ...]] = (".status.phase", ".spec.flow")

    spec: ExecutionSpec
    status: ExecutionStatus = ExecutionStatus()
