"""What a program sees of an execution."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from kitaru.core import paths, snapshots, values
from kitaru.core.head import Head
from kitaru.core.head import fold as fold_head
from kitaru.core.journal import (
    Answered,
    Begun,
    Cancelled,
    Completed,
    Failed,
    Failure,
    Fence,
    Idle,
    Logged,
    Parked,
    Raised,
    Record,
    Returned,
    Saved,
    Slot,
    Tried,
    Value,
    WaitOpened,
)
from kitaru.core.located import Located
from kitaru.core.phases import Phase, Status
from kitaru.core.views import Execution
from kitaru.errors import FailureOrigin, KitaruStateError

START = datetime(2026, 1, 1, tzinfo=UTC)


class NoActions:
    """A client that only lends itself."""

    def get(self, exec_id: str) -> Execution:
        raise LookupError(exec_id)

    retry = resume = cancel = get

    def replay(self, exec_id: str, **_asked: object) -> Execution:
        raise LookupError(exec_id)

    def load(self, exec_id: str, value: Value, *, allow_pickle: bool) -> object:
        return exec_id, value.data, allow_pickle


def _at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def _begun(call: str, seconds: float, name: str | None = None) -> Begun:
    return Begun(call=call, name=name or call, scope="", occurrence=1, inputs="", head=0, at=_at(seconds), type="tool")


def _boom(call: str | None = None) -> Failure:
    return Failure(type="builtins.ValueError", message="boom", traceback="…\nValueError: boom", call=call)


def _opened(wait: str, seconds: float = 5) -> WaitOpened:
    return WaitOpened(
        wait=wait, name="approve", scope="", occurrence=1, at=_at(seconds), question="Go?", schema='{"type":"boolean"}'
    )


def _slots(*written: tuple[int, Sequence[Record]]) -> list[Slot]:
    return [
        Slot(epoch=epoch, writer="w", id=str(number), records=tuple(records))
        for number, (epoch, records) in enumerate(written)
    ]


def _located(phase: Phase, reason: str | None = None) -> Located:
    return Located(
        exec_id="e1",
        flow="research",
        stack="local",
        phase=phase,
        paths=paths.execution("", "local", "e1"),
        created_at=START,
        reason=reason,
    )


def _seen(log: list[Slot], phase: Phase = Phase.RUNNING, reason: str | None = None) -> Execution:
    return snapshots.execution(_located(phase, reason), log, NoActions())


def test_a_finished_execution_shows_its_calls_and_artifacts() -> None:
    """Each call has its times, metadata and artifacts, what it saved before what it returned."""
    saved = Saved(name="sources", kind="context", value=values.inline([1]), tags=("web",))
    one = _seen(
        _slots(
            (1, [Fence(at=_at(1)), _begun("research", 2)]),
            (1, [Returned(call="research", value=values.inline("x"), at=_at(3), saved=(saved,), logged={"n": 1})]),
            (1, [Logged(metadata={"cost": {"in": 1}}, at=_at(4)), Logged(metadata={"cost": {"out": 2}}, at=_at(4))]),
            (1, [Completed(value=values.inline("done"), at=_at(5))]),
        )
    )
    assert (one.status, one.started_at, one.ended_at, one.attempt) == (Status.COMPLETED, _at(1), _at(5), 1)
    assert one.metadata == {"cost": {"in": 1, "out": 2}}
    (call,) = one.checkpoints
    assert (call.call_id, call.status, call.started_at, call.ended_at) == ("research", Status.COMPLETED, _at(2), _at(3))
    assert (call.metadata, call.checkpoint_type) == ({"n": 1}, "tool")
    assert [(ref.name, ref.kind, ref.save_type) for ref in one.artifacts] == [
        ("research", "output", "step_output"),
        ("sources", "context", "manual"),
    ]
    assert one.artifacts[0].load() == ("e1", "x", False)


def test_tries_are_told_apart() -> None:
    """A call that was tried again shows each try with its failure."""
    one = _seen(
        _slots(
            (1, [Fence(at=_at(1)), _begun("call", 2), Tried(call="call", number=1, failure=_boom(), at=_at(3))]),
            (1, [Returned(call="call", value=values.inline(1), at=_at(4))]),
        )
    )
    (call,) = one.checkpoints
    assert [(tried.attempt_id, tried.status) for tried in call.attempts] == [
        ("call#1", Status.FAILED),
        ("call#2", Status.COMPLETED),
    ]
    assert call.attempts[0].failure is not None
    assert call.attempts[0].failure.message == "boom"
    assert (call.status, call.failure) == (Status.COMPLETED, None)


def test_a_try_that_died_with_its_process_is_shown_as_lost() -> None:
    """A call that the next attempt began anew shows the lost try, with origin runtime."""
    one = _seen(
        _slots(
            (1, [Fence(at=_at(1)), _begun("call", 2)]),
            (2, [Fence(at=_at(9)), _begun("call", 10)]),
            (2, [Returned(call="call", value=values.inline(1), at=_at(11))]),
        )
    )
    lost, last = one.checkpoints[0].attempts
    assert lost.failure is not None
    assert (lost.status, lost.epoch, lost.failure.origin) == (Status.FAILED, 1, FailureOrigin.RUNTIME)
    assert (last.status, last.epoch, last.started_at) == (Status.COMPLETED, 2, _at(10))


def test_a_failed_execution_shows_where_it_failed() -> None:
    """The failure has the exception's type, message, traceback, origin and checkpoint."""
    one = _seen(
        _slots(
            (1, [Fence(at=_at(1)), _begun("call", 2), Raised(call="call", failure=_boom("call"), at=_at(3))]),
            (1, [Failed(failure=_boom("call"), at=_at(4))]),
        ),
        Phase.FAILED,
    )
    assert one.status is Status.FAILED
    assert one.failure is not None
    assert (one.failure.exception_type, one.failure.checkpoint) == ("builtins.ValueError", "call")
    assert (one.failure.message, one.failure.origin) == ("boom", FailureOrigin.USER_CODE)
    assert one.checkpoints[0].status is Status.FAILED


def test_an_end_without_a_record_is_the_runtimes_fault() -> None:
    """What no record tells is told by the stack, with origin runtime."""
    one = _seen(_slots((1, [Fence(at=_at(1)), _begun("call", 2)])), Phase.FAILED, "It died.")
    assert one.failure is not None
    assert (one.failure.message, one.failure.origin) == ("It died.", FailureOrigin.RUNTIME)
    assert one.checkpoints[0].status is Status.FAILED


def test_open_waits_are_shown_until_they_are_answered() -> None:
    """The oldest open wait is the pending one, with its schema and question."""
    log = _slots(
        (1, [Fence(at=_at(1)), _opened("approve"), _opened("approve_2", 6)]),
        (1, [Answered(wait="approve", request="r", value=True, at=_at(7))]),
        (1, [Parked(at=_at(8))]),
    )
    one = _seen(log, Phase.WAITING)
    assert one.status is Status.WAITING
    assert one.pending_wait == one.pending_waits[0]
    assert one.pending_wait is not None
    assert (one.pending_wait.wait_id, one.pending_wait.name) == ("approve_2", "approve")
    assert (one.pending_wait.question, one.pending_wait.schema) == ("Go?", {"type": "boolean"})


def test_a_finished_execution_asks_nothing() -> None:
    """The open waits of a cancelled execution are no questions any more."""
    log = _slots((1, [Fence(at=_at(1)), _opened("approve")]), (2, [Cancelled(reason="Enough.", at=_at(3))]))
    one = _seen(log)
    assert (one.status, one.status_reason, one.pending_waits) == (Status.CANCELLED, "Enough.", [])


FENCE = Fence(at=START)
LOGS: dict[str, list[Record]] = {
    "empty": [],
    "running": [FENCE],
    "idle": [FENCE, _opened("approve"), Idle(at=START)],
    "parked": [FENCE, _opened("approve"), Parked(at=START)],
    "failed": [FENCE, Failed(failure=_boom(), at=START)],
    "completed": [FENCE, Completed(value=values.inline(None), at=START)],
    "cancelled": [FENCE, Cancelled(reason="", at=START)],
}


@pytest.mark.parametrize(
    ("log", "located", "phase"),
    [
        ("empty", Phase.PENDING, Phase.PENDING),
        ("empty", Phase.FAILED, Phase.FAILED),
        ("running", Phase.RUNNING, Phase.RUNNING),
        ("running", Phase.WAITING, Phase.RUNNING),
        ("running", Phase.PENDING, Phase.PENDING),
        ("running", Phase.FAILED, Phase.FAILED),
        ("idle", Phase.RUNNING, Phase.WAITING),
        ("idle", Phase.WAITING, Phase.WAITING),
        ("parked", Phase.RUNNING, Phase.WAITING),
        ("parked", Phase.WAITING, Phase.WAITING),
        ("parked", Phase.PENDING, Phase.PENDING),
        ("failed", Phase.RUNNING, Phase.RUNNING),
        ("failed", Phase.FAILED, Phase.FAILED),
        ("failed", Phase.PENDING, Phase.PENDING),
        ("completed", Phase.RUNNING, Phase.COMPLETED),
        ("cancelled", Phase.WAITING, Phase.CANCELLED),
    ],
)
def test_the_log_is_newer_than_the_stacks_word(log: str, located: Phase, phase: Phase) -> None:
    """The log decides, but for a granted retry and for an end that no record tells."""
    head = fold_head(Head(), _slots((1, LOGS[log])))
    assert snapshots.phase(located, head) is phase


def test_a_snapshot_without_a_client_says_where_to_get_one() -> None:
    """Refreshing a snapshot that no client made names the client."""
    one = Execution(exec_id="e", flow_name="f", status=Status.RUNNING, stack_name="local", created_at=START)
    with pytest.raises(KitaruStateError, match=r"KitaruClient\(\)\.executions\.get"):
        one.refresh()


def test_attempts_that_ran_other_source_are_named() -> None:
    """Each that ran other source than the one before it; an attempt that failed to load any says nothing."""
    sources = {1: "a", 2: "a", 3: "b", 4: None, 5: "b", 6: "a"}
    fences = [(epoch, [Fence(at=_at(epoch), source=source)]) for epoch, source in sources.items()]
    assert _seen(_slots(*fences)).source_changes == [3, 6]
