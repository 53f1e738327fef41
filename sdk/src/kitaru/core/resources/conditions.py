"""Conditions: what is true of a resource now, one entry a type, each with a reason that programs can rely on."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from kitaru.core.resources.model import Model, Number, Timestamp

#: What is known of a condition.
Truth: TypeAlias = Literal["True", "False", "Unknown"]


class FlowCondition(StrEnum):
    """The conditions of a KitaruFlow."""

    ACCEPTED = "Accepted"
    TAGS_RESOLVED = "TagsResolved"


class ExecutionCondition(StrEnum):
    """The conditions of a KitaruExecution. Each is there from the first status on, and toggles."""

    SUCCEEDED = "Succeeded"
    WAITING = "Waiting"
    RUNNER_READY = "RunnerReady"
    STORE_READY = "StoreReady"


class AnswerCondition(StrEnum):
    """The conditions of a KitaruAnswer."""

    ACCEPTED = "Accepted"
    STORED = "Stored"


class Reason(StrEnum):
    """Why a condition is as it is."""

    # KitaruFlow
    VERSION_RECORDED = "VersionRecorded"
    ALL_RESOLVED = "AllResolved"
    UNKNOWN_VERSION = "UnknownVersion"
    # Any resource
    TOO_LARGE = "TooLarge"
    INVALID = "Invalid"
    BLOB_NOT_FOUND = "BlobNotFound"
    # KitaruExecution, Succeeded: the phase
    PENDING = "Pending"
    RUNNING = "Running"
    WAITING = "Waiting"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    # KitaruExecution, Waiting
    WAIT_OPEN = "WaitOpen"
    NOT_WAITING = "NotWaiting"
    # KitaruExecution, RunnerReady
    NOT_STARTED = "NotStarted"
    STARTING = "Starting"
    PARKED = "Parked"
    FINISHED = "Finished"
    POD_LOST = "PodLost"
    POD_REFUSED = "PodRefused"
    BACKING_OFF = "BackingOff"
    FLOW_NOT_FOUND = "FlowNotFound"
    VERSION_NOT_FOUND = "VersionNotFound"
    TAG_NOT_FOUND = "TagNotFound"
    IMAGE_NOT_PULLED = "ImageNotPulled"
    UNSCHEDULABLE = "Unschedulable"
    CONTAINER_NOT_CREATED = "ContainerNotCreated"
    SPEC_CHANGED = "SpecChanged"
    START_DEADLINE_EXCEEDED = "StartDeadlineExceeded"
    ATTEMPTS_EXHAUSTED = "AttemptsExhausted"
    # KitaruExecution, StoreReady
    STORE_FIT = "StoreFit"
    STORE_UNFIT = "StoreUnfit"
    STORE_DENIED = "StoreDenied"
    STORE_UNAVAILABLE = "StoreUnavailable"
    BUCKET_NOT_FOUND = "BucketNotFound"
    JOURNAL_UNREADABLE = "JournalUnreadable"
    CREDENTIALS_MISSING = "CredentialsMissing"
    # KitaruAnswer
    ANSWERED = "Answered"
    ABORTED = "Aborted"
    UNDECIDED = "Undecided"
    EXECUTION_NOT_FOUND = "ExecutionNotFound"
    EXECUTION_OVER = "ExecutionOver"
    WAIT_NOT_OPEN = "WaitNotOpen"
    ALREADY_DECIDED = "AlreadyDecided"
    DEADLINE_PASSED = "DeadlinePassed"
    DOES_NOT_FIT = "DoesNotFit"
    ABORT_STORED = "AbortStored"


class Condition(Model):
    """One thing that is true, false or not known of the object."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    """What this is about."""
    status: Truth
    """True, False or Unknown."""
    reason: Annotated[str, Field(min_length=1, max_length=64, pattern="^[A-Z][A-Za-z0-9]*$")]
    """Why, as one word for programs."""
    message: Annotated[str, Field(max_length=1024)] = ""
    """Why, as a sentence for people."""
    last_transition_time: Timestamp
    """When the status last became another."""
    observed_generation: Number | None = None
    """The metadata.generation that this was true of."""


def replaced(conditions: Sequence[Condition], change: Condition) -> tuple[Condition, ...]:
    """Return the conditions with `change` in the place of the one of its type, or at the end.

    The time of the old one is kept unless the status flips, so that a new message alone moves no clock.
    """
    old = next((one for one in conditions if one.type == change.type), None)
    if old is None:
        return (*conditions, change)
    if old.status == change.status:
        change = change.model_copy(update={"last_transition_time": old.last_transition_time})
    return tuple(change if one is old else one for one in conditions)


def condition(
    conditions: Sequence[Condition], type_: FlowCondition | ExecutionCondition | AnswerCondition
) -> Condition | None:
    """Return the condition of this type, None if there is none."""
    return next((one for one in conditions if one.type == type_), None)


def is_true(conditions: Sequence[Condition], type_: FlowCondition | ExecutionCondition | AnswerCondition) -> bool:
    """Whether there is such a condition and it holds."""
    found = condition(conditions, type_)
    return found is not None and found.status == "True"
