"""From a journal's slots, and what the stack knows, to the snapshot that a program sees."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never

from pydantic import JsonValue

from kitaru.core import head as heads
from kitaru.core import journal, phases
from kitaru.core.frozen import FrozenExecutionSpec
from kitaru.core.head import Head, State
from kitaru.core.located import Located
from kitaru.core.phases import Phase, Status
from kitaru.core.views import (
    Actions,
    ArtifactRef,
    CheckpointAttempt,
    CheckpointCall,
    Execution,
    FailureInfo,
    PendingWait,
)
from kitaru.errors import FailureOrigin

_LOST = FailureInfo(
    message="The process that ran this call ended before the call did.",
    origin=FailureOrigin.RUNTIME,
)


def phase(located: Phase, head: Head) -> Phase:
    """Return the phase that an execution is in, when the stack says `located` and its log `head`.

    The log is the truth, and a stack's word can be old; but only the stack knows of a retry that
    was granted (Pending over a failed log) and of an end that no record tells (Failed). A failure
    is told when the stack tells it: only then can it be retried.
    """
    match head.state:
        case State.COMPLETED:
            return Phase.COMPLETED
        case State.CANCELLED:
            return Phase.CANCELLED
        case State.FAILED:
            return located if located in {Phase.PENDING, Phase.FAILED} else Phase.RUNNING
        case State.PARKED:
            return located if located in {Phase.PENDING, Phase.FAILED} else Phase.WAITING
        case State.RUNNING:
            if located is Phase.WAITING or (located is Phase.RUNNING and head.idle):
                return Phase.WAITING if head.idle else Phase.RUNNING
            return located
        case _:
            assert_never(head.state)


def execution(
    located: Located,
    slots: Sequence[journal.Slot],
    actions: Actions,
    frozen: FrozenExecutionSpec | None = None,
) -> Execution:
    """Return the snapshot. `slots` are the whole log, from slot 0."""
    head = heads.fold(Head(), slots)
    now = phase(located.phase, head)
    status = phases.status_of(now)
    story = _Story(located.exec_id, actions)
    for slot in slots:
        for record in slot.records:
            story.tell(slot.epoch, record)
    calls = [story.call(one, over=status.is_finished) for one in story.calls.values()]
    return Execution(
        exec_id=located.exec_id,
        flow_name=located.flow,
        status=status,
        stack_name=located.stack,
        created_at=located.created_at,
        started_at=head.started_at,
        ended_at=head.ended_at if status.is_finished else None,
        status_reason=head.reason or located.reason,
        failure=failure_of(head, located) if status is Status.FAILED else None,
        pending_waits=[] if status.is_finished else story.open_waits(head),
        closed_waits=story.closed_waits(head),
        metadata=story.metadata,
        checkpoints=calls,
        artifacts=[artifact for call in calls for artifact in call.artifacts],
        attempt=head.epoch,
        original_exec_id=located.original,
        version=located.version,
        source_changes=_source_changes(slots),
        frozen_execution_spec=frozen,
        actions=actions,
    )


def _source_changes(slots: Iterable[journal.Slot]) -> list[int]:
    """Return the epochs whose attempt ran other source than the one before, as far as their fences say."""
    sources = [
        (slot.epoch, record.source)
        for slot in slots
        for record in slot.records
        if isinstance(record, journal.Fence) and record.source is not None
    ]
    return [epoch for (epoch, source), (_, before) in zip(sources[1:], sources, strict=False) if source != before]


def failure_of(head: Head, located: Located) -> FailureInfo:
    """Return why an execution failed: as its log says, else as its stack does."""
    if head.state is State.FAILED and head.failure is not None:
        return failure(head.failure)
    message = located.reason or "The execution ended without a record of its end."
    return FailureInfo(message=message, origin=FailureOrigin.RUNTIME)


def failure(recorded: journal.Failure) -> FailureInfo:
    """Return a recorded failure as programs see it."""
    return FailureInfo(
        message=recorded.message,
        origin=recorded.origin,
        exception_type=recorded.type,
        traceback=recorded.traceback,
        checkpoint=recorded.call,
    )


@dataclass(slots=True)
class _Try:
    epoch: int
    status: Status = Status.RUNNING
    started_at: datetime | None = None
    ended_at: datetime | None = None
    failure: FailureInfo | None = None

    def end(self, status: Status, at: datetime | None, reason: FailureInfo | None = None) -> None:
        self.status, self.ended_at, self.failure = status, at, reason


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    type: str | None = None
    tries: list[_Try] = field(default_factory=list[_Try])
    metadata: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    artifacts: list[ArtifactRef] = field(default_factory=list[ArtifactRef])
    reused: journal.Reused | None = None

    def open_try(self, epoch: int, at: datetime | None) -> _Try:
        """Return the try that is going on in this epoch; one of an older epoch was lost."""
        last = self.tries[-1] if self.tries else None
        if last is not None and last.status is Status.RUNNING:
            if last.epoch == epoch:
                return last
            last.end(Status.FAILED, None, _LOST)
        self.tries.append(_Try(epoch, started_at=at))
        return self.tries[-1]


class _Story:
    """What the records tell, call by call."""

    def __init__(self, exec_id: str, actions: Actions) -> None:
        self._exec_id = exec_id
        self._actions = actions
        self._opened: dict[str, journal.WaitOpened] = {}
        self.calls: dict[str, _Call] = {}
        self.metadata: dict[str, JsonValue] = {}

    def tell(self, epoch: int, record: journal.Record) -> None:
        match record:
            case journal.Begun():
                call = self._call(record.call, record.name)
                call.type = record.type
                call.open_try(epoch, record.at)
            case journal.Tried():
                call = self._call(record.call)
                call.open_try(epoch, None).end(Status.FAILED, record.at, failure(record.failure))
                call.tries.append(_Try(epoch, started_at=record.at + timedelta(seconds=record.delay)))
            case journal.Returned():
                call = self._ended(record)
                call.open_try(epoch, None).end(Status.COMPLETED, record.at)
                call.artifacts.insert(0, self._artifact(call, call.name, "output", record.value))
            case journal.Raised():
                call = self._ended(record)
                call.open_try(epoch, None).end(Status.FAILED, record.at, failure(record.failure))
            case journal.WaitOpened():
                self._opened[record.wait] = record
            case journal.Logged():
                merge(self.metadata, record.metadata.items())
            case _:
                pass

    def call(self, call: _Call, *, over: bool) -> CheckpointCall:
        last = call.tries[-1]
        if over and last.status is Status.RUNNING:
            last.end(Status.FAILED, None, _LOST)
        return CheckpointCall(
            call_id=call.id,
            name=call.name,
            status=last.status,
            checkpoint_type=call.type,
            started_at=call.tries[0].started_at,
            ended_at=last.ended_at,
            metadata=call.metadata,
            failure=last.failure,
            attempts=[_attempt(call, number) for number in range(1, len(call.tries) + 1)],
            artifacts=call.artifacts,
            reused=None if call.reused is None else call.reused.how,
            original_exec_id=None if call.reused is None else call.reused.execution,
            original_call_id=None if call.reused is None else call.reused.call,
        )

    def open_waits(self, head: Head) -> list[PendingWait]:
        return [_wait(self._opened[one.id]) for one in head.waits]

    def closed_waits(self, head: Head) -> list[str]:
        return [wait for wait in self._opened if not head.is_open(wait)]

    def _call(self, call: str, name: str | None = None) -> _Call:
        return self.calls.setdefault(call, _Call(call, name or call))

    def _ended(self, record: journal.Returned | journal.Raised) -> _Call:
        call = self._call(record.call)
        call.reused = record.reused
        merge(call.metadata, record.logged.items())
        # A call that failed and was run again kept what it kept last.
        call.artifacts = [
            self._artifact(call, saved.name, saved.kind, saved.value, tags=saved.tags) for saved in record.saved
        ]
        return call

    def _artifact(
        self,
        call: _Call,
        name: str,
        kind: str,
        value: journal.Value,
        *,
        tags: tuple[str, ...] | None = None,
    ) -> ArtifactRef:
        save_type = "step_output" if tags is None else "manual"
        metadata: dict[str, JsonValue] = {"type": value.type, "size": value.size}
        return ArtifactRef(
            artifact_id=f"{self._exec_id}/{call.id}/{save_type}/{name}",
            name=name,
            kind=kind,
            save_type=save_type,
            producing_call=call.id,
            metadata={**metadata, "tags": list(tags)} if tags else metadata,
            exec_id=self._exec_id,
            value=value,
            actions=self._actions,
        )


def merge(into: dict[str, JsonValue], items: Iterable[tuple[str, JsonValue]]) -> None:
    """Add metadata: under a repeated key mappings are merged one level deep, else the last wins."""
    for key, value in items:
        old = into.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            into[key] = {**old, **value}
        else:
            into[key] = value


def _attempt(call: _Call, number: int) -> CheckpointAttempt:
    one = call.tries[number - 1]
    return CheckpointAttempt(
        attempt_id=f"{call.id}#{number}",
        status=one.status,
        epoch=one.epoch,
        started_at=one.started_at,
        ended_at=one.ended_at,
        failure=one.failure,
    )


def _wait(opened: journal.WaitOpened) -> PendingWait:
    return PendingWait(
        wait_id=opened.wait,
        name=opened.name,
        entered_waiting_at=opened.at,
        question=opened.question,
        schema=None if opened.schema is None else json.loads(opened.schema),
        metadata=opened.metadata,
        deadline=opened.deadline,
    )
