"""One look, one plan: the table of cases of each policy, as pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import NoneType

import pytest
from pydantic import JsonValue

from kitaru.backends.memory import EPOCH
from kitaru.core import head as heads
from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer, Cancelled, Failed, Fence, Record, Slot
from kitaru.core.resources import model
from kitaru.core.resources.conditions import ExecutionCondition, Reason, condition
from kitaru.core.resources.execution import KitaruExecution
from kitaru.core.spec import Spec
from kitaru_operator.observed import (
    Frozen,
    Observed,
    Resolved,
    StoreState,
    Unfrozen,
    Unresolved,
    Unsettled,
)
from kitaru_operator.plan import EndDeleted, EndJournal, ExpireWait, Freeze, MakePod, Mark, Plan, Purge
from kitaru_operator.pods import RunnerPod, Trouble
from kitaru_operator.reconcile import reconcile
from kitaru_operator.settings import S3, Settings
from tests.unit.kitaru_operator import records

SETTINGS = Settings(s3=S3(bucket="b"))
NOW = EPOCH + timedelta(hours=1)
DIGEST = f"sha256:{'0' * 64}"
SPEC = Spec(
    namespace="team",
    name="x",
    uid="u",
    flow="f",
    entrypoint="a.f:f",
    created_at=EPOCH,
    image="registry.example/f:1",
)
RESOLVED = Resolved(spec=SPEC, schema=None, own=2)
FROZEN = Frozen(SPEC, DIGEST)
ANSWER = Answer(request="r", value={"approved": True}, at=EPOCH)
ABORT = Abort(request="r", at=EPOCH, answered_by="ada")


def _execution(
    spec: Mapping[str, JsonValue] | None = None,
    status: Mapping[str, JsonValue] | None = None,
    metadata: Mapping[str, JsonValue] | None = None,
) -> KitaruExecution:
    frozen: dict[str, JsonValue] = {"attempt": 1, "specDigest": DIGEST, "image": SPEC.image}
    body: dict[str, JsonValue] = {
        "metadata": {"name": "x", "namespace": "team", "uid": "u", **(metadata or {})},
        "spec": {"flow": "f", **(spec or {})},
        "status": {**frozen, **(status or {})},
    }
    return model.read(KitaruExecution, body)


NEW = _execution(status={"attempt": 0, "specDigest": None})
OLD = _execution()


def _head(*written: Record, epoch: int = 1) -> Head:
    fence = Slot(epoch=epoch, writer="w", id="0", records=(Fence(at=EPOCH),))
    rest = (Slot(epoch=epoch, writer="w", id=str(n), records=(one,)) for n, one in enumerate(written, 1))
    return heads.fold(Head(), (fence, *rest))


def _pod(number: int = 1, phase: str = "Running", trouble: Trouble | None = None) -> RunnerPod:
    return RunnerPod(
        namespace="team",
        name=f"x-{number}",
        uid=f"p{number}",
        owner="x",
        owner_uid="u",
        number=number,
        phase=phase,
        created_at=EPOCH,
        started=phase != "Pending",
        trouble=trouble,
    )


SEEN = Observed(claimed=True, store=StoreState(ready=True), uri="s3://b/x", head=_head())
BLANK = replace(SEEN, claimed=False, head=Head())
PARKED = replace(SEEN, head=_head(records.asked(), records.parked()))
DUE = replace(SEEN, head=_head(records.asked(deadline=EPOCH), records.parked()))
BACKING_OFF = Trouble(Reason.IMAGE_NOT_PULLED, "ImagePullBackOff: no")
PURGED = _execution(
    {"deletionPolicy": "Purge"},
    metadata={"deletionTimestamp": NOW.isoformat(), "finalizers": ["kitaru.dev/purge"]},
)
KEPT = _execution(
    metadata={"deletionTimestamp": NOW.isoformat(), "finalizers": ["kitaru.dev/purge"]},
)
FOREIGN = _execution(
    metadata={"deletionTimestamp": NOW.isoformat(), "finalizers": ["example.com/other"]},
)
LATE = _execution(
    {"deletionPolicy": "Purge"},
    metadata={"deletionTimestamp": EPOCH.isoformat(), "finalizers": ["kitaru.dev/purge"]},
)
DONE = replace(SEEN, head=_head(records.completed()))


def _plan(execution: KitaruExecution, observed: Observed) -> Plan:
    return reconcile(execution, observed, NOW, SETTINGS)


def _runner(plan: Plan) -> str:
    assert plan.status is not None
    told = condition(plan.status.conditions, ExecutionCondition.RUNNER_READY)
    return "" if told is None else told.reason


@pytest.mark.parametrize(
    ("execution", "observed", "step"),
    [
        pytest.param(PURGED, SEEN, EndDeleted, id="purge: the journal ends first"),
        pytest.param(PURGED, replace(DONE, pods=(_pod(),)), NoneType, id="purge: a pod still runs"),
        pytest.param(PURGED, DONE, Purge, id="purge: nothing runs any more"),
        pytest.param(LATE, SEEN, Purge, id="purge: its time is over"),
        pytest.param(KEPT, SEEN, Mark, id="retain: our finalizer goes"),
        pytest.param(FOREIGN, SEEN, EndDeleted, id="another's finalizer: the journal ends"),
        pytest.param(FOREIGN, replace(BLANK, template=RESOLVED), EndDeleted, id="and none begins"),
    ],
)
def test_deleting(execution: KitaruExecution, observed: Observed, step: type) -> None:
    """A resource that is being deleted gets no status and no pod any more (rule 18b)."""
    plan = _plan(execution, observed)
    assert isinstance(plan.step, step)
    assert plan.status is None


@pytest.mark.parametrize(
    ("execution", "written", "phase"),
    [
        pytest.param(OLD, records.completed(), "Completed", id="completed"),
        pytest.param(OLD, Cancelled(reason="r", at=EPOCH), "Cancelled", id="cancelled"),
        pytest.param(OLD, records.failed(), "Failed", id="failed, no retry granted"),
        pytest.param(_execution({"retry": 1, "cancel": True}), records.failed(), "Failed", id="cancel beats retry"),
    ],
)
def test_finished(execution: KitaruExecution, written: Record, phase: str) -> None:
    """Over: the phase is reported, a pod that is left goes, nothing else (rules 15 to 17)."""
    observed = replace(SEEN, head=_head(written), pods=(_pod(phase="Succeeded"),))
    plan = _plan(execution, observed)
    assert plan.step is None
    assert plan.status is not None
    assert (plan.status.phase, _runner(plan)) == (phase, "Finished")
    assert [one.name for one in plan.deletes] == ["x-1"]


@pytest.mark.parametrize(
    ("execution", "observed", "reason"),
    [
        pytest.param(_execution({"cancel": True}), SEEN, "cancel was asked", id="asked"),
        pytest.param(_execution({"cancel": True}), PARKED, "cancel was asked", id="asked, parked"),
        pytest.param(
            OLD,
            replace(PARKED, decisions={"approve": ABORT}),
            "wait approve was aborted by ada",
            id="an open wait was aborted",
        ),
    ],
)
def test_cancelling(execution: KitaruExecution, observed: Observed, reason: str) -> None:
    """The journal ends under the next number (rules 15, 18 and 23)."""
    plan = _plan(execution, observed)
    assert isinstance(plan.step, EndJournal)
    assert plan.step.number == 2
    assert isinstance(plan.step.record, Cancelled)
    assert plan.step.record.reason == reason


@pytest.mark.parametrize("pods", [(), (_pod(),)], ids=["parked", "its pod still exits"])
def test_expiring(pods: tuple[RunnerPod, ...]) -> None:
    """A deadline that is over by two seconds comes before everything but the end (rule 18c)."""
    plan = _plan(OLD, replace(DUE, pods=pods))
    assert isinstance(plan.step, ExpireWait)
    assert plan.step.wait.id == "approve"


def test_parked() -> None:
    """Nothing is started, and the phase is Waiting (rule 19)."""
    plan = _plan(OLD, PARKED)
    assert plan.step is None
    assert plan.status is not None
    assert (plan.status.phase, _runner(plan)) == ("Waiting", "Parked")


@pytest.mark.parametrize(
    ("execution", "observed", "reason"),
    [
        pytest.param(
            NEW,
            replace(BLANK, template=replace(RESOLVED, schema='{"required": ["topic"]}')),
            "Invalid",
            id="inputs do not fit",
        ),
        pytest.param(NEW, replace(BLANK, template=replace(RESOLVED, own=20_000)), "TooLarge", id="too large"),
        pytest.param(OLD, replace(BLANK, template=Frozen(SPEC, "sha256:1")), "SpecChanged", id="spec.json changed"),
        pytest.param(OLD, replace(BLANK, template=Unfrozen("it is gone")), "SpecChanged", id="spec.json gone"),
        pytest.param(
            OLD,
            replace(BLANK, pods=(_pod(phase="Pending", trouble=BACKING_OFF),)),
            "StartDeadlineExceeded",
            id="its pod did not start in time",
        ),
        pytest.param(
            _execution(status={"attempt": 12}), replace(SEEN, head=Head()), "AttemptsExhausted", id="always lost"
        ),
    ],
)
def test_refusing(execution: KitaruExecution, observed: Observed, reason: str) -> None:
    """What cannot start ends as Failed, with the reason in the journal (rule 25)."""
    plan = _plan(execution, observed)
    assert isinstance(plan.step, EndJournal)
    assert isinstance(plan.step.record, Failed)
    assert plan.step.record.failure.type == f"kitaru.{reason}"


@pytest.mark.parametrize(
    ("observed", "reason"),
    [
        pytest.param(replace(SEEN, pods=(_pod(),)), "Running", id="at work"),
        pytest.param(replace(BLANK, pods=(_pod(),)), "Starting", id="not fenced yet"),
    ],
)
def test_running(observed: Observed, reason: str) -> None:
    """A pod that is alive is left alone (rule 20)."""
    plan = _plan(OLD, observed)
    assert plan.step is None
    assert plan.at_work
    assert plan.deletes == ()
    assert _runner(plan) == reason


@pytest.mark.parametrize(
    ("execution", "observed", "step", "attempt"),
    [
        pytest.param(NEW, replace(BLANK, template=RESOLVED), Freeze, 1, id="first start: freeze and raise"),
        pytest.param(OLD, replace(BLANK, template=FROZEN), MakePod, 1, id="raised: make the pod (21)"),
        pytest.param(OLD, replace(PARKED, decisions={"approve": ANSWER}), NoneType, 2, id="answered (22)"),
        pytest.param(_execution({"retry": 1}), replace(SEEN, head=_head(records.failed())), NoneType, 2, id="retry"),
        pytest.param(OLD, replace(SEEN, head=_head(records.returned())), NoneType, 2, id="lost (22)"),
        pytest.param(NEW, replace(BLANK, template=Unsettled()), NoneType, 0, id="the version is coming"),
        pytest.param(
            NEW, replace(BLANK, template=Unresolved(Reason.FLOW_NOT_FOUND, "no")), NoneType, 0, id="no flow yet"
        ),
        pytest.param(
            NEW,
            replace(BLANK, template=RESOLVED, store=StoreState(ready=False, reason=Reason.STORE_UNFIT)),
            NoneType,
            0,
            id="the store is unfit",
        ),
    ],
)
def test_starting(execution: KitaruExecution, observed: Observed, step: type, attempt: int) -> None:
    """Raising the number is one pass, making its pod the next."""
    plan = _plan(execution, observed)
    assert isinstance(plan.step, step)
    assert (plan.status or execution.status).attempt == attempt


def test_a_pod_newer_than_what_was_read_is_left_alone() -> None:
    """An old look must not delete what another operator has started since (rule 16)."""
    plan = _plan(OLD, replace(PARKED, pods=(_pod(1), _pod(2)), over_since=EPOCH))
    assert [one.name for one in plan.deletes] == ["x-1"]
