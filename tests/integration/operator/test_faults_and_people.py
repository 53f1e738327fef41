"""What people and faults do to executions, on a real API server and a real S3 server."""

from datetime import UTC, datetime

import pytest

from kitaru.core.head import State
from kitaru.core.journal import Completed, Failed, Failure, Parked, Returned, Value, WaitOpened
from kitaru_cluster import waiting
from tests.integration.operator.operating import IMAGE, Operated

NOW = datetime.now(UTC)
VALUE = Value(codec="json", type="str", size=6, sha256="", data="done")
FLOW = {"entrypoint": "agents.research:agent", "image": IMAGE}
ASKED = WaitOpened(wait="approve", name="approve", scope="", occurrence=0, at=NOW)


def _begun(operated: Operated, **spec: object) -> str:
    operated.create("KitaruFlow", "agent", FLOW)
    operated.create("KitaruExecution", "x1", {"flow": "agent", **spec})
    return operated.await_attempt("x1", 1)


def test_an_operator_that_is_killed_loses_nothing(operated: Operated) -> None:
    """What is answered while no operator runs is seen by the next one."""
    _begun(operated)
    operated.run("x1", ASKED, Parked(at=NOW))
    operated.await_phase("x1", "Waiting")
    operated.operator.kill()
    operated.answer_with("a", "approve", value=None)
    operated.operator.start()
    operated.await_attempt("x1", 2)
    assert operated.answer("a").status.phase == "Accepted"


def test_two_operators_make_one_pod_an_attempt(operated: Operated) -> None:
    """Twenty executions under two operators: one pod each, and none is superseded."""
    second = operated.beside()
    try:
        second.start()
        operated.create("KitaruFlow", "agent", FLOW)
        names = [f"x{number}" for number in range(20)]
        for name in names:
            operated.create("KitaruExecution", name, {"flow": "agent"})
        for name in names:
            operated.await_attempt(name, 1)
        assert len(operated.pods()) == len(names)
    finally:
        second.kill()


def test_a_failure_is_told_and_a_retry_goes_on(operated: Operated) -> None:
    """Failed with origin and message and an Event; raising spec.retry starts the next attempt."""
    _begun(operated)
    failure = Failure(type="builtins.ValueError", message="no luck", call="draft")
    operated.run("x1", Failed(failure=failure, at=NOW))
    told = operated.await_phase("x1", "Failed").status.failure
    assert told is not None
    assert (told.origin, told.checkpoint, told.message) == ("user_code", "draft", "ValueError: no luck")
    waiting.until(lambda: "Failed" in operated.events(), "an Event that says Failed", seconds=20)
    operated.patch("kx", "x1", {"retry": 1})
    operated.await_attempt("x1", 2)
    operated.run("x1", Completed(value=VALUE, at=NOW))
    operated.await_phase("x1", "Completed")


def test_a_cancelled_execution_has_no_pod_and_takes_no_record(operated: Operated) -> None:
    """The journal is ended first, which fences the runner."""
    _begun(operated)
    operated.run("x1", Returned(call="draft", value=VALUE, at=NOW))
    operated.patch("kx", "x1", {"cancel": True})
    operated.await_phase("x1", "Cancelled")
    operated.await_no_pod()
    assert not operated.run("x1", Completed(value=VALUE, at=NOW))


def test_a_lost_pod_is_replaced(operated: Operated) -> None:
    """A pod that somebody deletes while it works is followed by the next attempt's."""
    pod = _begun(operated)
    operated.run("x1", Returned(call="draft", value=VALUE, at=NOW))
    operated.cluster.kubectl("delete", "pod", pod, "-n", operated.namespace, "--force", "--grace-period=0")
    operated.await_attempt("x1", 2)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        pytest.param({"flow": "nobody"}, "FlowNotFound", id="no such flow"),
        pytest.param({"flow": "agent", "version": 9}, "VersionNotFound", id="no such version"),
        pytest.param({"flow": "agent", "tag": "gold"}, "TagNotFound", id="no such tag"),
        pytest.param({"flow": "agent"}, "ImageNotPulled", id="the image cannot be pulled"),
    ],
)
def test_what_keeps_it_from_starting_is_said_within_ten_seconds(
    operated: Operated, spec: dict[str, object], reason: str
) -> None:
    """A condition names it, instead of an endless Pending."""
    missing = f"{operated.cluster.registry.pull}/nobody/agents:1"
    operated.create("KitaruFlow", "agent", {**FLOW, "image": missing})
    operated.with_credentials()
    operated.create("KitaruExecution", "x1", spec)
    waiting.until(lambda: operated.reason("RunnerReady") == reason, f"RunnerReady to say {reason}", seconds=10)


def test_a_missing_secret_of_the_store_is_said(operated: Operated) -> None:
    """StoreReady is False, the phase Pending, and no attempt is burnt."""
    operated.create("KitaruFlow", "agent", {**FLOW, "image": operated.pullable()})
    operated.create("KitaruExecution", "x1", {"flow": "agent"})
    waiting.until(
        lambda: operated.reason("StoreReady") == "CredentialsMissing",
        "StoreReady to name the missing Secret",
        seconds=30,
    )
    status = operated.execution("x1").status
    assert (status.phase, status.attempt) == ("Pending", 1)


def test_inputs_that_do_not_fit_make_no_pod(operated: Operated) -> None:
    """Failed, and the message names the input."""
    schema = {"type": "object", "properties": {"topic": {"type": "string"}}}
    operated.create("KitaruFlow", "agent", {**FLOW, "inputSchema": schema})
    operated.create("KitaruExecution", "x1", {"flow": "agent", "inputs": {"topic": 3}})
    failure = operated.await_phase("x1", "Failed").status.failure
    assert failure is not None
    assert "topic" in failure.message
    assert operated.pods() == []


def test_deleting_with_policy_retain_ends_the_journal(operated: Operated) -> None:
    """The data stays, and whoever still runs is fenced."""
    _begun(operated)
    paths = operated.paths("x1")
    operated.delete("kx", "x1")
    waiting.until(lambda: operated.head_at(paths).state is State.CANCELLED, "the journal to be ended", seconds=20)


def test_deleting_with_policy_purge_removes_the_data(operated: Operated) -> None:
    """The resource goes once its data is gone."""
    _begun(operated, deletionPolicy="Purge")
    paths = operated.paths("x1")
    operated.delete("kx", "x1")
    waiting.until(lambda: not operated.exists("kx", "x1"), "the execution to be deleted", seconds=60)
    assert [one.key for one in operated.store.list(paths.root)] == []


def test_sigterm_ends_the_operator_in_time(operated: Operated) -> None:
    """It exits with 0, well before a kubelet would kill it."""
    assert operated.operator.stop() == [0]
