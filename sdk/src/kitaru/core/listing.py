"""Listing executions: what is asked for, and the little that a row says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from kitaru.core import phases, snapshots
from kitaru.core.head import Head, OpenWait
from kitaru.core.located import Located
from kitaru.core.phases import Phase, Status
from kitaru.core.views import Actions, Execution, FailureInfo, PendingWait


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which executions, the newest first: of one flow, in one status, without the first `offset`, at most `most`.

    A flow is named as in its code or as its resource is, with `_` or with `-`.
    """

    flow: str | None = None
    status: Status | None = None
    offset: int = 0
    most: int | None = None

    @property
    def end(self) -> int | None:
        """How many matching executions have to be known, None for all."""
        return None if self.most is None else self.offset + self.most

    def takes_flow(self, flow: str) -> bool:
        """Whether executions of the flow are asked for."""
        return self.flow is None or plain(self.flow) == plain(flow)

    def takes_phase(self, phase: Phase) -> bool:
        """Whether executions in the phase are asked for."""
        return self.status is None or self.status is phases.status_of(phase)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One execution of a list: what its stack knows of it without reading its journal."""

    located: Located
    attempt: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str | None = None
    failure: FailureInfo | None = None
    waits: tuple[PendingWait, ...] = ()


def of_head(located: Located, head: Head) -> Row:
    """Return the row of an execution whose log has this head."""
    return Row(
        located=located,
        attempt=head.epoch,
        started_at=head.started_at,
        ended_at=head.ended_at,
        reason=head.reason,
        failure=snapshots.failure_of(head, located) if located.phase is Phase.FAILED else None,
        waits=tuple(_wait(one) for one in head.waits),
    )


def execution(row: Row, actions: Actions | None) -> Execution:
    """Return the row as programs see it: a snapshot without calls, artifacts and metadata."""
    located = row.located
    status = phases.status_of(located.phase)
    return Execution(
        exec_id=located.exec_id,
        flow_name=located.flow,
        status=status,
        stack_name=located.stack,
        created_at=located.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at if status.is_finished else None,
        status_reason=row.reason or located.reason,
        failure=row.failure,
        pending_waits=[] if status.is_finished else list(row.waits),
        attempt=row.attempt,
        version=located.version,
        original_exec_id=located.original,
        actions=actions,
    )


def plain(flow: str) -> str:
    """Return what the names of one flow have in common, in code and as a resource."""
    return flow.replace("-", "_")


def _wait(opened: OpenWait) -> PendingWait:
    return PendingWait(
        wait_id=opened.id,
        name=opened.name,
        entered_waiting_at=opened.since,
        question=opened.question,
        schema=None if opened.schema is None else json.loads(opened.schema),
        deadline=opened.deadline,
    )
