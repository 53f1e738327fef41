"""Cancelling, failing, retrying, deleting: how executions end, and what goes on afterwards."""

import asyncio

import pytest

from kitaru.backends.memory import EPOCH
from kitaru.core.head import State
from kitaru.core.journal import Failed, Failure, Raised
from kitaru_operator.cluster import EXECUTIONS, NAMESPACES, Body, NotFoundError, Ref
from tests.unit.kitaru_operator import records
from tests.unit.kitaru_operator.bench import NAMESPACE, Bench


def test_completion_is_reported_and_its_pod_removed() -> None:
    """The result and the condition Succeeded are in the status, and an Event tells it once."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.returned(), records.completed())
    bench.exits(pod)
    status = bench.execution("x").status
    assert (status.phase, status.result) == ("Completed", '"done"')
    assert [one.status for one in status.conditions if one.type == "Succeeded"] == ["True"]
    assert status.checkpoints is not None
    assert status.checkpoints.completed == 1
    assert bench.pods() == []
    assert bench.events() == ["Completed"]


def test_a_failure_is_reported_with_origin_call_and_message() -> None:
    """And an Event warns of it."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.failed("no luck"))
    bench.exits(pod)
    failure = bench.execution("x").status.failure
    assert bench.status("x") == "Failed"
    assert failure is not None
    assert (failure.origin, failure.checkpoint, failure.message) == ("user_code", "draft", "ValueError: no luck")
    assert bench.events() == ["Failed"]


def test_calls_that_raised_are_not_counted_as_completed() -> None:
    """Nor twice, once a retry has made them return."""
    bench = Bench()
    pod = bench.begin(retry=1)
    raised = Raised(call="a", failure=Failure(type="builtins.KeyError", message="'x'"), at=EPOCH)
    bench.run("x", records.returned(), raised, records.failed())
    bench.exits(pod)
    counted = bench.execution("x").status.checkpoints
    assert counted is not None
    assert counted.completed == 1
    (pod,) = bench.pods()
    bench.run("x", records.returned("a"), records.completed())
    bench.exits(pod)
    counted = bench.execution("x").status.checkpoints
    assert counted is not None
    assert counted.completed == 2


@pytest.mark.parametrize(
    ("type_", "message", "told"),
    [
        pytest.param("builtins.SystemExit", "0", "SystemExit: 0", id="exit"),
        pytest.param("builtins.KeyError", "'x'", "KeyError: 'x'", id="a key"),
        pytest.param("agents.errors.Halt", "", "Halt", id="no words"),
    ],
)
def test_a_failure_is_told_with_its_type(type_: str, message: str, told: str) -> None:
    """By status, condition and event: `0` alone tells nobody anything."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", Failed(failure=Failure(type=type_, message=message), at=EPOCH))
    bench.exits(pod)
    status = bench.execution("x").status
    assert status.failure is not None
    assert status.failure.message == told
    assert [one.message for one in status.conditions if one.type == "Succeeded"] == [told]


def test_raising_retry_tries_again_once_for_each_failure() -> None:
    """The number of failures in the log is compared with spec.retry (rule 15)."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.failed())
    bench.exits(pod)
    bench.apply(EXECUTIONS, "x", {"retry": 1})
    bench.settle()
    (pod,) = bench.pods()
    assert bench.status("x") == "Pending"
    assert bench.run("x", records.failed())
    bench.exits(pod)
    assert bench.status("x") == "Failed"
    assert bench.execution("x").status.failures == 2


def test_a_retry_granted_in_advance_needs_nobody() -> None:
    """Each failure that spec.retry covers is followed by an attempt."""
    bench = Bench()
    pod = bench.begin(retry=1)
    bench.run("x", records.failed())
    bench.exits(pod)
    (pod,) = bench.pods()
    bench.run("x", records.completed())
    bench.exits(pod)
    assert bench.status("x") == "Completed"


@pytest.mark.parametrize("doing", ["running", "waiting"])
def test_cancel_ends_the_journal_and_removes_the_pod(doing: str) -> None:
    """The journal is ended first, which fences the runner (rule 18)."""
    bench = Bench()
    pod = bench.begin()
    bench.pod_becomes(pod, "Running")
    if doing == "waiting":
        bench.run("x", records.asked(), records.parked())
        bench.exits(pod)
    else:
        bench.run("x", records.returned())
    bench.apply(EXECUTIONS, "x", {"cancel": True})
    bench.settle()
    assert bench.status("x") == "Cancelled"
    assert bench.head("x").state is State.CANCELLED
    assert bench.pods() == []
    assert not bench.run("x", attempt=1)


def test_a_cancelled_execution_never_completes() -> None:
    """A zombie's commit is refused: the cancel holds a number of its own (rule 18)."""
    bench = Bench()
    bench.begin()
    bench.apply(EXECUTIONS, "x", {"cancel": True})
    bench.settle()
    assert not bench.run("x", records.completed(), attempt=1)
    bench.later(600)
    assert bench.status("x") == "Cancelled"


def test_cancel_leaves_a_failed_execution_failed() -> None:
    """With both cancel and retry asked, cancel wins and nothing starts (rule 17)."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.failed())
    bench.exits(pod)
    bench.apply(EXECUTIONS, "x", {"cancel": True, "retry": 3})
    bench.settle()
    assert bench.status("x") == "Failed"
    assert bench.pods() == []


def test_a_pod_that_hangs_after_its_last_record_is_removed() -> None:
    """The log ends the attempt, whatever its pod looks like; the pod gets two seconds (rule 16)."""
    bench = Bench()
    pod = bench.begin()
    bench.pod_becomes(pod, "Running")
    bench.run("x", records.asked(), records.parked())
    bench.later(2)
    assert bench.status("x") == "Waiting"
    assert bench.pods() == [pod]
    bench.later(2)
    assert bench.pods() == []


def test_deleting_the_resource_ends_its_journal_and_keeps_its_data() -> None:
    """Policy Retain (rule 18b): the zombie's commits are refused, and the data stays."""
    bench = Bench()
    bench.begin()
    bench.run("x", records.returned())
    paths = bench.paths("x")
    bench.delete(EXECUTIONS, "x")
    bench.settle()
    kept = {one.key for one in bench.store.list(paths.root)}
    assert paths.spec in kept
    assert paths.epoch(2) in kept
    assert bench.pods() == []


def test_deleting_under_a_number_that_a_dead_pod_holds_takes_the_next() -> None:
    """A pod that claimed and died before its fence holds a number for ever (rule 18b)."""
    bench = Bench()
    bench.begin()
    paths = bench.paths("x")
    bench.store.create(paths.epoch(2), b'{"writer": "somebody", "pod": ""}')
    bench.delete(EXECUTIONS, "x")
    bench.settle()
    assert bench.store.get(paths.epoch(3)) is not None


def test_purge_removes_the_data_before_the_resource_goes() -> None:
    """A finalizer holds the resource until then, and nothing writes into what is removed."""
    bench = Bench()
    bench.begin(deletionPolicy="Purge")
    bench.run("x", records.returned())
    paths = bench.paths("x")
    assert bench.execution("x").metadata.finalizers == ("kitaru.dev/purge",)
    bench.delete(EXECUTIONS, "x")
    bench.settle()
    with pytest.raises(NotFoundError):
        bench.execution("x")
    assert list(bench.store.list(paths.root)) == []
    assert bench.pods() == []


def test_a_policy_that_goes_back_to_retain_lets_the_finalizer_go() -> None:
    """Nothing holds a resource whose data is to stay."""
    bench = Bench()
    bench.begin(deletionPolicy="Purge")
    bench.apply(EXECUTIONS, "x", {"deletionPolicy": "Retain"})
    bench.settle()
    assert bench.execution("x").metadata.finalizers == ()


def test_a_namespace_that_goes_is_not_held_up_by_its_data() -> None:
    """The finalizer goes at once, and an Event names what is left."""
    bench = Bench()
    bench.begin(deletionPolicy="Purge")
    bench.delete(EXECUTIONS, "x")
    going: Body = {"status": {"phase": "Terminating"}}
    asyncio.run(bench.cluster.put_status(Ref(NAMESPACES, "", NAMESPACE), going))
    bench.settle()
    with pytest.raises(NotFoundError):
        bench.execution("x")
    assert "PurgeIncomplete" in bench.events()
