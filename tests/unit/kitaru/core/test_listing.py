"""Rows of a list of executions."""

from datetime import UTC, datetime, timedelta

import pytest

from kitaru.core import listing, paths
from kitaru.core.head import Head, OpenWait, State
from kitaru.core.journal import Failure, Value
from kitaru.core.listing import Query
from kitaru.core.located import Located
from kitaru.core.phases import Phase, Status
from kitaru.errors import FailureOrigin

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def _located(phase: Phase, reason: str | None = None) -> Located:
    return Located(
        exec_id="x",
        flow="report",
        stack="local",
        phase=phase,
        paths=paths.execution("", "local", "x"),
        created_at=NOW,
        reason=reason,
    )


def test_a_waiting_row_has_its_questions() -> None:
    """Schema and deadline as the journal has them; metadata only a full snapshot has."""
    wait = OpenWait(id="a_2", name="a", slot=3, since=NOW, question="?", schema='{"type": "string"}', deadline=NOW)
    head = Head(state=State.PARKED, epoch=2, waits=(wait, OpenWait(id="b", name="b", slot=4, since=NOW)))
    row = listing.of_head(_located(Phase.WAITING), head)
    execution = listing.execution(row, None)
    assert (execution.status, execution.attempt, execution.ended_at) == (Status.WAITING, 2, None)
    first, second = execution.pending_waits
    assert (first.wait_id, first.schema, first.deadline) == ("a_2", {"type": "string"}, NOW)
    assert (second.name, second.schema) == ("b", None)


@pytest.mark.parametrize(
    ("head", "reason", "told"),
    [
        pytest.param(
            Head(state=State.FAILED, failure=Failure(type="OSError", message="no", call="c"), ended_at=NOW),
            None,
            ("no", FailureOrigin.USER_CODE),
            id="raised",
        ),
        pytest.param(Head(epoch=1), "It died.", ("It died.", FailureOrigin.RUNTIME), id="died"),
    ],
)
def test_a_failed_row_says_why(head: Head, reason: str | None, told: tuple[str, FailureOrigin]) -> None:
    """As its log says, else as its stack does."""
    execution = listing.execution(listing.of_head(_located(Phase.FAILED, reason), head), None)
    assert execution.failure is not None
    assert (execution.failure.message, execution.failure.origin) == told
    assert (execution.status_reason, execution.pending_waits) == (reason, [])


def test_a_query_takes_what_it_names() -> None:
    """A flow by either spelling of its name, a status for all its phases, and a part of what is found."""
    query = Query(flow="my-flow", status=Status.RUNNING, offset=10, most=5)
    assert query.takes_flow("my_flow")
    assert not query.takes_flow("my_flows")
    assert [phase for phase in Phase if query.takes_phase(phase)] == [Phase.PENDING, Phase.RUNNING]
    assert query.end == 15
    assert Query().end is None
    assert Query().takes_flow("any")
    assert Query().takes_phase(Phase.FAILED)


def test_a_head_without_its_result_is_small() -> None:
    """A list needs no results, which may be large."""
    value = Value(codec="json", type="str", size=3, sha256="0", data="x")
    head = Head(state=State.COMPLETED, result=value, ended_at=NOW + timedelta(1))
    assert head.without_result() == Head(state=State.COMPLETED, ended_at=NOW + timedelta(1))
    assert Head().without_result() == Head()
