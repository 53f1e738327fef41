"""Looking at executions and acting on them, from any process."""

from __future__ import annotations

import builtins
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal, Unpack, overload

import pydantic_core
from pydantic import JsonValue, TypeAdapter, ValidationError

from kitaru import connect, replays, watching
from kitaru.artifacts import ArtifactsClient
from kitaru.connect import Stack
from kitaru.core import frozen, keywords, listing, snapshots
from kitaru.core.deferred import DEFERRED
from kitaru.core.events import ExecutionEvent
from kitaru.core.frozen import FrozenExecutionSpec
from kitaru.core.journal import Value
from kitaru.core.listing import Query
from kitaru.core.located import Located
from kitaru.core.phases import Status as ExecutionStatus
from kitaru.core.plans import ReplayPlan
from kitaru.core.tagged import UserValue
from kitaru.core.views import (
    ArtifactRef,
    CheckpointAttempt,
    CheckpointCall,
    Execution,
    FailureInfo,
    PendingWait,
)
from kitaru.deployments import DeploymentsClient
from kitaru.errors import KitaruStateError, KitaruUsageError
from kitaru.handles import FlowHandle
from kitaru.replays import ReplayRequest
from kitaru.watching import EventOptions

__all__ = [
    "ArtifactRef",
    "CheckpointAttempt",
    "CheckpointCall",
    "Execution",
    "ExecutionStatus",
    "FailureInfo",
    "FrozenExecutionSpec",
    "KitaruClient",
    "PendingWait",
    "ReplayPlan",
]

_JSON: Final[TypeAdapter[JsonValue]] = TypeAdapter(JsonValue, config=DEFERRED)


class KitaruClient:
    """One stack, seen from anywhere: the named one, else the configured one."""

    def __init__(self, stack: str | Stack | None = None) -> None:
        self._stack = connect.open_stack(stack)

    @property
    def executions(self) -> ExecutionsClient:
        """Everything about executions."""
        return ExecutionsClient(self._stack)

    @property
    def artifacts(self) -> ArtifactsClient:
        """What executions kept: values that calls returned, and those that were saved by name."""
        return ArtifactsClient(self.executions)

    @property
    def deployments(self) -> DeploymentsClient:
        """Everything about deployed versions of flows."""
        return DeploymentsClient(self._stack)


class ExecutionsClient:
    """`KitaruClient().executions`. An `exec_id` may be a unique prefix; unknown: `LookupError`."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def get(self, exec_id: str) -> Execution:
        """Return a snapshot of the execution with all its calls."""
        located = self._stack.executions.locate(exec_id)
        slots = connect.read_slots(self._stack, located)
        spec = connect.read_spec(self._stack, located)
        kept = None if spec is None else frozen.read(spec, located.stack)
        return self._undecided(located, snapshots.execution(located, slots, self, kept))

    def list(
        self,
        *,
        flow: str | None = None,
        status: ExecutionStatus | str | None = None,
        limit: int | None = None,
        page: int | None = None,
        size: int | None = None,
    ) -> builtins.list[Execution]:
        """Return executions, the newest first: all, at most `limit`, or the `page`-th `size` of them, from 1 on.

        They are rows: without checkpoints, artifacts and metadata, which `get` has. Raises `KitaruUsageError` for a
        status that there is not, and for `limit` with `page` or `size`.
        """
        wanted = _status(status)
        offset, most = _part(limit, page, size)
        rows = self._stack.executions.list(Query(flow=flow, status=wanted, offset=offset, most=most))
        return [listing.execution(row, self) for row in rows]

    def latest(self, *, flow: str | None = None, status: ExecutionStatus | str | None = None) -> Execution:
        """Return a snapshot of the newest execution of the flow, in this status. Raises `LookupError` if none is."""
        found = self.list(flow=flow, status=status, limit=1)
        if not found:
            what = " ".join(str(one) for one in (_status(status), "execution", flow and f"of flow {flow!r}") if one)
            message = f"There is no {what} on the stack {self._stack.name!r}."
            raise LookupError(message)
        return self.get(found[0].exec_id)

    def handle(self, exec_id: str, *, allow_pickle: bool = False) -> FlowHandle[UserValue]:
        """Return a handle, to wait for the execution and to have its result.

        A pickled result of an execution that another process started is refused unless
        `allow_pickle` is true: unpickling runs code of whoever wrote it.
        """
        located = self._stack.executions.locate(exec_id)
        return FlowHandle(self._stack, located.exec_id, allow_pickle=allow_pickle)

    def pending_waits(self, exec_id: str) -> builtins.list[PendingWait]:
        """Return the open questions, the oldest first."""
        return self.get(exec_id).pending_waits

    def input(self, exec_id: str, *, wait: str, value: object) -> Execution:
        """Answer an open wait, known by its id or, if only one such is open, by its name.

        `value` is JSON, or a pydantic model that becomes it. Raises `KitaruWaitValidationError`
        when it does not fit the wait's schema, and `KitaruStateError` when no such wait is open.
        """
        execution = self.get(exec_id)
        answer = _json(value)
        self._stack.executions.answer(execution.exec_id, _wait_id(execution, wait), answer)
        return self.get(execution.exec_id)

    def abort_wait(self, exec_id: str, *, wait: str) -> Execution:
        """Abort an open wait instead of answering it; the execution ends as cancelled."""
        execution = self.get(exec_id)
        self._stack.executions.abort(execution.exec_id, _wait_id(execution, wait))
        return self.get(execution.exec_id)

    def retry(self, exec_id: str) -> Execution:
        """Try a failed execution again: same id, finished calls reused.

        On the local stack this process goes on with it if it has the flow loaded, else a worker process does. Raises
        `KitaruStateError` in any other state, and where no worker can be started, with the command to run.
        """
        return self._after(exec_id, self._stack.executions.retry)

    def resume(self, exec_id: str) -> Execution:
        """Go on with an execution that was answered, or whose process died; harmless if that happened by itself.

        Raises `KitaruStateError` for one that waits for an answer, failed by its own doing, or was cancelled.
        """
        return self._after(exec_id, self._stack.executions.resume)

    def cancel(self, exec_id: str) -> Execution:
        """End an execution that is not finished. Raises `KitaruStateError` when it is."""
        return self._after(exec_id, self._stack.executions.cancel)

    @overload
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
    ) -> Execution: ...
    @overload
    def replay(
        self,
        exec_id: str,
        *,
        from_: str,
        overrides: Mapping[str, object] | None = None,
        checkpoint_overrides: Mapping[str, Mapping[str, object]] | None = None,
        wait_overrides: Mapping[str, object] | None = None,
        dry_run: Literal[True],
        **flow_inputs: object,
    ) -> ReplayPlan: ...
    def replay(
        self,
        exec_id: str,
        *,
        from_: str,
        overrides: Mapping[str, object] | None = None,
        checkpoint_overrides: Mapping[str, Mapping[str, object]] | None = None,
        wait_overrides: Mapping[str, object] | None = None,
        dry_run: bool = False,
        **flow_inputs: object,
    ) -> Execution | ReplayPlan:
        """Start a new execution that reuses what this one recorded before its call `from_`, and return a snapshot.

        It runs the code and settings that this one had: in this process if it has the flow loaded, else in a worker.
        Everything else is as for a flow's own `.replay()`; `dry_run` returns the plan.
        """
        request = ReplayRequest(
            from_=from_,
            inputs=flow_inputs,
            overrides=overrides,
            checkpoint_overrides=checkpoint_overrides,
            wait_overrides=wait_overrides,
        )
        prepared = replays.prepare(self._stack, exec_id, request)
        if dry_run:
            return prepared.plan
        return self.get(self._stack.executions.replay(prepared.start))

    def events(self, exec_id: str, **options: Unpack[EventOptions]) -> Iterator[ExecutionEvent]:
        """Yield what happened in the execution and what its checkpoints published, until it is finished.

        Who comes late sees everything from the first event on, who returns gives `since=` the last event's cursor.
        Raises `LookupError` for an unknown execution, `KitaruUsageError` for a wrong option.
        """
        return watching.events_of(self._stack, exec_id, options)

    def load(self, exec_id: str, value: Value, *, allow_pickle: bool) -> UserValue:
        """Return a value that the execution's journal names."""
        located = self._stack.executions.locate(exec_id)
        return connect.load_value(self._stack, located, value, allow_pickle=allow_pickle)

    def _undecided(self, located: Located, execution: Execution) -> Execution:
        """Return the snapshot without the waits that were answered and whose answer the runner has not taken yet."""
        decided = {
            one.wait_id
            for one in execution.pending_waits
            if connect.read_decision(self._stack, located, one.wait_id) is not None
        }
        if not decided:
            return execution
        return dataclasses.replace(
            execution,
            pending_waits=[one for one in execution.pending_waits if one.wait_id not in decided],
            closed_waits=[*execution.closed_waits, *sorted(decided)],
        )

    def _after(self, exec_id: str, act: Callable[[str], None]) -> Execution:
        located = self._stack.executions.locate(exec_id)
        act(located.exec_id)
        return self.get(located.exec_id)


def _status(status: ExecutionStatus | str | None) -> ExecutionStatus | None:
    if status is None or status in set(ExecutionStatus):
        return None if status is None else ExecutionStatus(status)
    message = f"status is {status!r}: it is one of {', '.join(ExecutionStatus)}."
    raise KitaruUsageError(message)


def _part(limit: int | None, page: int | None, size: int | None) -> tuple[int, int | None]:
    """Return how many rows come before, and how many are wanted at most."""
    if limit is not None and (page is not None or size is not None):
        message = "limit is given with page or size: give limit alone, or page and size."
        raise KitaruUsageError(message)
    if page is not None and size is None:
        message = "page is given without size: say how many executions are on a page."
        raise KitaruUsageError(message)
    for name, value in (("limit", limit), ("page", page), ("size", size)):
        keywords.check_type("executions.list", name, value, (int,))
        if value is not None and value < 1:
            message = f"{name} is {value}: it is a number from 1 on."
            raise KitaruUsageError(message)
    return ((page or 1) - 1) * (size or 0), limit or size


def _json(value: object) -> JsonValue:
    try:
        return _JSON.validate_python(pydantic_core.to_jsonable_python(value))
    except (pydantic_core.PydanticSerializationError, ValidationError) as error:
        message = f"value cannot be written as JSON ({type(value).__name__}): give plain JSON values."
        raise KitaruUsageError(message) from error


def _wait_id(execution: Execution, wait: str) -> str:
    """Return the id of the one open wait that `wait`, an id or a name, means.

    An id that is closed never counts as a name: a second answer to `approve` would slide to `approve_2`.
    """
    if not wait:
        message = "wait is empty: give the id or the name of an open wait."
        raise KitaruUsageError(message)
    candidates = {one.wait_id for one in execution.pending_waits}
    if wait in candidates:
        return wait
    if wait in execution.closed_waits:
        known = ", ".join(sorted(candidates)) or "none"
        message = f"Wait {wait!r} of execution {execution.exec_id} is closed already (open now, by id: {known})."
        raise KitaruStateError(message)
    named = [one.wait_id for one in execution.pending_waits if one.name == wait]
    if len(named) == 1:
        return named[0]
    known = ", ".join(named or sorted(candidates)) or "none"
    trouble = "Several open waits have" if named else "No open wait has"
    message = f"{trouble} the name {wait!r} in execution {execution.exec_id} (open: {known})."
    raise KitaruStateError(message)
