"""Rules 12 to 25: what a pass of the operator decides on what it saw."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer, Expiry, WaitOpened
from kitaru.core.phases import Phase
from kitaru.core.protocol import budget, passes, pods
from kitaru.core.protocol.passes import (
    CreatePod,
    End,
    Kind,
    ListRequests,
    Nothing,
    Pod,
    Raise,
    Step,
    View,
    Why,
)
from kitaru.core.protocol.pods import SeenPod
from tests.unit.kitaru.protocol import samples
from tests.unit.kitaru.protocol.samples import (
    CANCELLED,
    COMPLETED,
    FAILED,
    FENCE,
    IDLE,
    NOW,
    OPENED,
    PARKED,
    RETURNED,
)

ANSWER = Answer(request="r1", value=True, at=NOW)
ABORT = Abort(request="r2", at=NOW)
DEADLINE = NOW + timedelta(seconds=60)
TIMED = WaitOpened(wait="approve", name="approve", scope="", occurrence=0, at=NOW, deadline=DEADLINE)

EMPTY = Head()
RUNNING = samples.head((1, FENCE), (1, RETURNED))
WAITING = samples.head((1, FENCE), (1, OPENED))
IDLING = samples.head((1, FENCE), (1, OPENED), (1, IDLE))
ASLEEP = samples.head((1, FENCE), (1, OPENED), (1, PARKED))
FALLEN = samples.head((1, FENCE), (1, OPENED), (1, FAILED))
DONE = samples.head((1, FENCE), (1, COMPLETED))
STOPPED = samples.head((1, FENCE), (2, CANCELLED))
TIMING = samples.head((1, FENCE), (1, TIMED))

ALIVE = (Pod(1, alive=True),)
GONE = (Pod(1, alive=False),)


def view(head: Head, **seen: object) -> View:
    """Return what a pass saw while attempt 1 was the current one."""
    return replace(View(attempt=1, head=head, claimed=True, now=NOW), **seen)


@pytest.mark.parametrize(
    ("seen", "step"),
    [
        pytest.param(view(DONE, cancel=True), Nothing(), id="rule 17: completed, cancel asked"),
        pytest.param(view(STOPPED, attempt=2, retry=5), Nothing(), id="rule 17: cancelled, retry asked"),
        pytest.param(view(FALLEN), Nothing(), id="rule 17: failed, no retry granted"),
        pytest.param(view(FALLEN, cancel=True, retry=1), Nothing(), id="rule 17: failed, cancel beats retry"),
        pytest.param(
            view(FALLEN, retry=1, decisions={"approve": ABORT}), Nothing(), id="rule 15: failed, an abort stored"
        ),
        pytest.param(view(RUNNING, cancel=True, pods=ALIVE), End(2, Kind.CANCEL), id="rule 18: cancel asked"),
        pytest.param(
            view(EMPTY, attempt=0, claimed=False, cancel=True), End(1, Kind.CANCEL), id="rule 18: before the start"
        ),
        pytest.param(
            view(ASLEEP, decisions={"approve": ABORT}), End(2, Kind.CANCEL), id="rule 18: an open wait is aborted"
        ),
        pytest.param(view(TIMING, now=DEADLINE, pods=ALIVE), Nothing(), id="rule 18c: within the margin"),
        pytest.param(
            view(TIMING, now=DEADLINE + passes.MARGIN, pods=ALIVE), ListRequests("approve"), id="rule 18c: past it"
        ),
        pytest.param(
            view(TIMING, now=DEADLINE + passes.MARGIN, pods=ALIVE, decisions={"approve": ANSWER}),
            Nothing(),
            id="rule 18c: past it, but answered",
        ),
        pytest.param(view(ASLEEP, pods=GONE), Nothing(), id="rule 19: parked, no answer"),
        pytest.param(
            view(ASLEEP, decisions={"approve": ANSWER}, pods=ALIVE),
            Raise(2, Why.ANSWER),
            id="rule 13: parked, answered, its pod hangs",
        ),
        pytest.param(
            view(ASLEEP, decisions={"approve": Expiry(at=NOW)}),
            Raise(2, Why.ANSWER),
            id="rule 19: an expiry is an answer",
        ),
        pytest.param(view(RUNNING, pods=ALIVE), Nothing(), id="rule 20: its pod is alive"),
        pytest.param(view(IDLING, pods=ALIVE), Nothing(), id="rule 11: an IDLE does not end the attempt"),
        pytest.param(view(EMPTY, claimed=False, retry=2), CreatePod(1, 2), id="rule 21: no pod, no claim"),
        pytest.param(view(EMPTY, attempt=0, claimed=False), Raise(1, Why.START), id="rule 22: first start"),
        pytest.param(view(RUNNING, pods=GONE), Raise(2, Why.RECOVERY), id="rule 22: its pod has ended"),
        pytest.param(view(RUNNING), Raise(2, Why.RECOVERY), id="rule 22: claimed and gone"),
        pytest.param(
            view(EMPTY, claimed=False, pods=GONE), Raise(2, Why.RECOVERY, 1.0), id="rule 22: ended before it claimed"
        ),
        pytest.param(view(FALLEN, retry=1), Raise(2, Why.RETRY), id="rule 22: a retry is granted"),
        pytest.param(view(RUNNING, attempt=0, claimed=False), Raise(2, Why.START), id="rule 23: the log knows more"),
        pytest.param(view(EMPTY, pods=ALIVE, refused=True), End(2, Kind.REFUSED), id="rule 25: it cannot start"),
        pytest.param(view(ASLEEP, refused=True), Nothing(), id="rule 25: parked, nothing is to be started"),
        pytest.param(
            view(EMPTY, attempt=10, pods=(Pod(10, alive=False),)), Raise(11, Why.RECOVERY, 60.0), id="rule 25: ten lost"
        ),
        pytest.param(
            view(EMPTY, attempt=11, pods=(Pod(11, alive=False),)), End(12, Kind.LOST), id="rule 25: eleven lost"
        ),
    ],
)
def test_the_step(seen: View, step: Step) -> None:
    """Rules 15 to 25: the first that matches wins."""
    assert passes.decide(seen).step == step


@pytest.mark.parametrize(
    ("seen", "delete"),
    [
        pytest.param(view(DONE, pods=ALIVE), (1,), id="rule 16: completed"),
        pytest.param(
            view(STOPPED, attempt=1, pods=(Pod(1, alive=True), Pod(5, alive=True))), (1, 5), id="rule 16: final: any"
        ),
        pytest.param(view(RUNNING, attempt=2, pods=(*ALIVE, Pod(2, alive=True))), (1,), id="rule 16: a lower number"),
        pytest.param(view(ASLEEP, pods=ALIVE), (1,), id="rule 16: parked"),
        pytest.param(view(FALLEN, pods=ALIVE), (1,), id="rule 16: failed"),
        pytest.param(view(FALLEN, retry=1, pods=ALIVE), (1,), id="rule 16: failed, to be retried"),
        pytest.param(view(ASLEEP, pods=(*ALIVE, Pod(2, alive=True))), (1,), id="rule 16: never one that is newer"),
        pytest.param(view(ASLEEP, pods=(Pod(1, alive=True, spared=True),)), (), id="rule 16: within its grace period"),
        pytest.param(view(DONE, pods=GONE), (), id="rule 16: not one that has ended"),
        pytest.param(view(RUNNING, pods=ALIVE), (), id="rule 16: not one that is at work"),
        pytest.param(view(IDLING, pods=ALIVE), (), id="rule 11: not one that stays"),
    ],
)
def test_pods_to_delete(seen: View, delete: tuple[int, ...]) -> None:
    """Rule 16: by level, and only pods whose number is at most the attempt that was read."""
    assert passes.decide(seen).delete == delete


@pytest.mark.parametrize(
    ("seen", "phase"),
    [
        pytest.param(view(EMPTY, attempt=0), Phase.PENDING, id="nothing yet"),
        pytest.param(view(EMPTY, pods=ALIVE), Phase.PENDING, id="no fence yet"),
        pytest.param(view(RUNNING, pods=ALIVE), Phase.RUNNING, id="fenced"),
        pytest.param(view(RUNNING, attempt=2), Phase.PENDING, id="the next attempt has not fenced"),
        pytest.param(view(RUNNING), Phase.PENDING, id="fenced, and its pod is gone"),
        pytest.param(view(RUNNING, pods=(Pod(1, alive=False),)), Phase.PENDING, id="fenced, and its pod is dead"),
        pytest.param(view(RUNNING, attempt=2, pods=(Pod(1, alive=True),)), Phase.PENDING, id="only an older pod lives"),
        pytest.param(view(WAITING, pods=ALIVE), Phase.RUNNING, id="a wait is open, the body goes on"),
        pytest.param(view(IDLING), Phase.WAITING, id="rule 11: an IDLE stands"),
        pytest.param(view(ASLEEP), Phase.WAITING, id="parked"),
        pytest.param(view(ASLEEP, decisions={"approve": ANSWER}), Phase.PENDING, id="parked, answered"),
        pytest.param(view(FALLEN), Phase.FAILED, id="failed"),
        pytest.param(view(FALLEN, retry=1), Phase.PENDING, id="failed, to be retried"),
        pytest.param(view(FALLEN, retry=1, cancel=True), Phase.FAILED, id="failed, cancel beats retry"),
        pytest.param(view(DONE), Phase.COMPLETED, id="completed"),
        pytest.param(view(STOPPED), Phase.CANCELLED, id="cancelled"),
    ],
)
def test_rule_24_the_phase_follows_from_the_log(seen: View, phase: Phase) -> None:
    """Rule 24: the phase is computed from the log, Running also from the pod, never from the phase before."""
    assert passes.decide(seen).phase is phase


@pytest.mark.parametrize(
    ("head", "attempt", "step"),
    [
        pytest.param(RUNNING, 1, End(2, Kind.CANCEL), id="rule 18b: the next number"),
        pytest.param(RUNNING, 0, End(2, Kind.CANCEL), id="rule 18b: the attempt is not known"),
        pytest.param(ASLEEP, 7, End(8, Kind.CANCEL), id="rule 18b: parked"),
        pytest.param(FALLEN, 1, Nothing(), id="rule 18b: failed"),
        pytest.param(DONE, 1, Nothing(), id="rule 18b: completed"),
        pytest.param(STOPPED, 2, Nothing(), id="rule 18b: cancelled"),
    ],
)
def test_rule_18b_a_deleted_resource(head: Head, attempt: int, step: Step) -> None:
    """Rule 18b: the journal of a deleted resource is ended, if it is not over."""
    assert passes.decide_deleted(head, attempt) == step


@pytest.mark.parametrize(
    ("pod", "now", "alive"),
    [
        pytest.param(SeenPod(phase="Pending"), NOW, True, id="pending"),
        pytest.param(SeenPod(phase="Running"), NOW, True, id="running"),
        pytest.param(SeenPod(phase="Unknown"), NOW, True, id="unknown"),
        pytest.param(SeenPod(phase="Succeeded"), NOW, False, id="succeeded"),
        pytest.param(SeenPod(phase="Failed"), NOW, False, id="failed"),
        pytest.param(SeenPod(phase="Running", deleted_at=NOW), NOW + pods.OVERDUE, True, id="being deleted"),
        pytest.param(
            SeenPod(phase="Running", deleted_at=NOW), NOW + timedelta(seconds=2.1), False, id="past its deletion"
        ),
        pytest.param(SeenPod(phase="Running", node_lost=True), NOW, False, id="its node is gone"),
    ],
)
def test_rule_13_alive(pod: SeenPod, now: datetime, *, alive: bool) -> None:
    """Rule 13: which pods still count."""
    assert pods.is_alive(pod, now) is alive


def test_rule_25_delays() -> None:
    """Rule 25: pods are made after 0, 1, 2, 4 … 60 seconds."""
    delays = [budget.delay(count) for count in range(10)]
    assert delays == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]


def test_rule_25_an_attempt_that_committed_something_resets_the_count() -> None:
    """Rule 25: the budget counts attempts in a row that committed nothing."""
    head = samples.head((1, FENCE), (2, FENCE), (2, RETURNED), (3, FENCE))
    assert budget.lost(4, head) == 2
