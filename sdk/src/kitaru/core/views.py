"""What a program sees of an execution: frozen snapshots, made from its journal's slots.

One function for every stack: what an execution looks like does not depend on where it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from pydantic import JsonValue

from kitaru.core.frozen import FrozenExecutionSpec
from kitaru.core.journal import Value
from kitaru.core.phases import Status
from kitaru.errors import FailureOrigin, KitaruStateError


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureInfo:
    """Why a call or an execution failed.

    `exception_type` is `module.qualname`, None when no exception stands behind it; `checkpoint` is
    the id of the call that raised it, None when the flow's body did.
    """

    message: str
    origin: FailureOrigin
    exception_type: str | None = None
    traceback: str = ""
    checkpoint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingWait:
    """A question that is open. `schema` is the answer's JSON Schema, None for a mere gate."""

    wait_id: str
    name: str
    entered_waiting_at: datetime
    question: str | None = None
    schema: Mapping[str, JsonValue] | None = None
    metadata: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    deadline: datetime | None = None


class Actions(Protocol):
    """What a snapshot can ask of the client that made it."""

    def get(self, exec_id: str) -> Execution:
        """Return a fresh snapshot."""
        ...

    def retry(self, exec_id: str) -> Execution:
        """Try a failed execution again."""
        ...

    def resume(self, exec_id: str) -> Execution:
        """Go on with an execution that was answered, or whose process died."""
        ...

    def cancel(self, exec_id: str) -> Execution:
        """End the execution."""
        ...

    def replay(
        self,
        exec_id: str,
        *,
        from_: str,
        overrides: Mapping[str, object] | None = None,
        checkpoint_overrides: Mapping[str, Mapping[str, object]] | None = None,
        wait_overrides: Mapping[str, object] | None = None,
        dry_run: Literal[False] = False,
        **flow_inputs: object,
    ) -> Execution:
        """Start an execution that replays this one."""
        ...

    def load(self, exec_id: str, value: Value, *, allow_pickle: bool) -> object:
        """Return a value that the execution's journal names."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRef:
    """A value that an execution kept: what a call returned, or what its body saved by name.

    `save_type` is "step_output" or "manual"; `kind` what the body called it ("output" for returned
    values); `producing_call` the call's id.
    """

    artifact_id: str
    name: str
    kind: str
    save_type: str
    producing_call: str
    metadata: Mapping[str, JsonValue]
    exec_id: str
    value: Value = field(repr=False)
    actions: Actions | None = field(default=None, repr=False, compare=False)

    def load(self, *, allow_pickle: bool = False) -> object:
        """Return the value.

        Unpickling runs code of whoever wrote it: a pickled value is refused (`KitaruSerializationError`) unless
        `allow_pickle` is true.
        """
        return _bound(self.actions).load(self.exec_id, self.value, allow_pickle=allow_pickle)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointAttempt:
    """One try of a call. `epoch` is the number of the execution's attempt in which it was made."""

    attempt_id: str
    status: Status
    epoch: int
    started_at: datetime | None = None
    ended_at: datetime | None = None
    failure: FailureInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointCall:
    """One use of a checkpoint in one execution, with all its tries.

    `reused` says that its function did not run: its outcome is a "cache" hit, was copied by a "replay", or is an
    "override" that a replay was given. `original_exec_id` and `original_call_id` are then the execution and the call
    that the outcome is of, or whose place it takes.
    """

    call_id: str
    name: str
    status: Status
    checkpoint_type: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    metadata: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    failure: FailureInfo | None = None
    attempts: list[CheckpointAttempt] = field(default_factory=list[CheckpointAttempt])
    artifacts: list[ArtifactRef] = field(default_factory=list[ArtifactRef])
    reused: Literal["cache", "replay", "override"] | None = None
    original_exec_id: str | None = None
    original_call_id: str | None = None

    @property
    def cached(self) -> bool:
        """Whether it took its result from an equal call of another execution, by way of the cache."""
        return self.reused == "cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One run of a flow, as it was when it was read.

    `pending_wait` is the oldest open question, `pending_waits` are all of them; `closed_waits` are the
    ids of those that were answered or expired; `original_exec_id` is the execution that it replays;
    `attempt` is the number of its newest attempt, 0 before
    the first; `frozen_execution_spec` is what was resolved for it when it was asked for, secrets masked,
    None on a cluster until its first attempt; `version` is that of the deployed flow, None for a flow
    that runs from source; `source_changes` are the numbers of the attempts that ran other source of the
    flow than the attempt before.

    A row of a list has neither checkpoints, artifacts, metadata, closed waits nor source changes.
    """

    exec_id: str
    flow_name: str
    status: Status
    stack_name: str
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    status_reason: str | None = None
    failure: FailureInfo | None = None
    pending_waits: list[PendingWait] = field(default_factory=list[PendingWait])
    closed_waits: list[str] = field(default_factory=list[str])
    metadata: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    checkpoints: list[CheckpointCall] = field(default_factory=list[CheckpointCall])
    artifacts: list[ArtifactRef] = field(default_factory=list[ArtifactRef])
    attempt: int = 0
    original_exec_id: str | None = None
    version: int | None = None
    source_changes: list[int] = field(default_factory=list[int])
    frozen_execution_spec: FrozenExecutionSpec | None = None
    actions: Actions | None = field(default=None, repr=False, compare=False)

    @property
    def pending_wait(self) -> PendingWait | None:
        """The oldest open question."""
        return self.pending_waits[0] if self.pending_waits else None

    def refresh(self) -> Execution:
        """Return a new snapshot of the same execution."""
        return _bound(self.actions).get(self.exec_id)

    def retry(self) -> Execution:
        """Try it again when it failed; finished calls are reused. Return a new snapshot."""
        return _bound(self.actions).retry(self.exec_id)

    def resume(self) -> Execution:
        """Go on with it when it was answered, or when its process died. Return a new snapshot."""
        return _bound(self.actions).resume(self.exec_id)

    def cancel(self) -> Execution:
        """End it. Return a new snapshot."""
        return _bound(self.actions).cancel(self.exec_id)

    def replay(
        self,
        *,
        from_: str,
        overrides: Mapping[str, object] | None = None,
        checkpoint_overrides: Mapping[str, Mapping[str, object]] | None = None,
        wait_overrides: Mapping[str, object] | None = None,
        **flow_inputs: object,
    ) -> Execution:
        """Start a new execution that reuses what this one recorded before its call `from_`. Return a snapshot of it."""
        return _bound(self.actions).replay(
            self.exec_id,
            from_=from_,
            overrides=overrides,
            checkpoint_overrides=checkpoint_overrides,
            wait_overrides=wait_overrides,
            dry_run=False,
            **flow_inputs,
        )

    def list_checkpoints(self) -> list[CheckpointCall]:
        """Return the calls of a new snapshot, in the order in which they began."""
        return self.refresh().checkpoints

    def list_artifacts(self) -> list[ArtifactRef]:
        """Return the artifacts of a new snapshot, in the order in which they were made."""
        return self.refresh().artifacts


def _bound(actions: Actions | None) -> Actions:
    if actions is None:
        message = "This snapshot was not read by a client: get it with KitaruClient().executions.get(…)."
        raise KitaruStateError(message)
    return actions
