"""What the client asks of the cluster, and what it makes of what the cluster says."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import JsonValue

from kitaru.core import blobs, paths
from kitaru.core.phases import Phase
from kitaru.core.replay import ReplayStart
from kitaru.core.resources.model import BlobRef
from kitaru.core.spec import Replay, Spec
from kitaru.errors import (
    KitaruBackendError,
    KitaruFeatureNotAvailableError,
    KitaruStateError,
    KitaruUsageError,
    KitaruWaitValidationError,
)
from kitaru.ports import Start
from kitaru_cluster import waiting
from tests.integration.kube.conftest import TIME, Stack


@pytest.fixture
def started(stack: Stack) -> str:
    """Give an execution of a flow with versions 1 and 2 that the operator has not seen yet."""
    stack.deployed("research-agent", {"stable": 1}, 1, 2)
    return stack.executions.start(Start(flow="research_agent", inputs={"topic": "agents"}))


def test_start_creates_a_resource_named_after_the_flow(stack: Stack, started: str) -> None:
    """A start is a KitaruExecution whose name begins with the flow's, with the inputs as they were given."""
    spec = stack.get(f"kx/{started}")
    assert started.startswith("research-agent-")
    assert (spec["flow"], spec["inputs"]) == ("research-agent", {"topic": "agents"})


@pytest.mark.parametrize(
    ("start", "named"),
    [
        pytest.param(Start(flow="other", inputs={}), "'other'", id="flow"),
        pytest.param(Start(flow="research_agent", inputs={}, version=7), "version 7", id="version"),
        pytest.param(Start(flow="research_agent", inputs={}, tag="beta"), "'beta'", id="tag"),
    ],
)
def test_what_is_not_deployed_is_named_and_nothing_starts(stack: Stack, start: Start, named: str) -> None:
    """An unknown flow, version or tag is a LookupError that names it, and no resource is made."""
    stack.deployed("research-agent", {"stable": 1}, 1, 2)
    with pytest.raises(LookupError, match=named):
        stack.executions.start(start)
    assert stack.names("kx") == []


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        pytest.param({"topic": "x" * 2**22, "depth": 1}, r"inputs: 4194\d+ bytes", id="size"),
        pytest.param({"depth": float("nan")}, r"inputs\.depth", id="nan"),
    ],
)
def test_inputs_that_no_resource_holds_are_refused_by_name(
    stack: Stack, inputs: dict[str, JsonValue], named: str
) -> None:
    """Inputs over 4 MiB, and numbers that JSON loses, are refused before anything is created."""
    stack.deployed("research-agent", {}, 1)
    with pytest.raises(KitaruUsageError, match=named):
        stack.executions.start(Start(flow="research_agent", inputs=inputs))
    assert stack.names("kx") == []


@pytest.mark.parametrize(
    "inputs", [pytest.param({"topic": "x" * 17_000}, id="size"), pytest.param({"depth": [2**63]}, id="integer")]
)
def test_inputs_that_a_resource_cannot_hold_are_left_in_the_store(stack: Stack, inputs: dict[str, JsonValue]) -> None:
    """The resource has a reference, and the store of its namespace has what it stands for."""
    stack.deployed("research-agent", {}, 1)
    name = stack.executions.start(Start(flow="research_agent", inputs=inputs))
    ref = BlobRef.model_validate(stack.get(f"kx/{name}")["inputsRef"])
    body = stack.executions.store.get(paths.blob("", stack.settings.namespace, ref.sha256))
    assert body is not None
    assert blobs.decode(ref, body) == inputs


@pytest.mark.parametrize("kept", [pytest.param(None, id="null"), pytest.param({"a": None}, id="nested-null")])
def test_nulls_reach_the_resource(stack: Stack, kept: JsonValue) -> None:
    """A null in the inputs is stored as a null, and is not dropped on the way."""
    stack.deployed("research-agent", {}, 1)
    name = stack.executions.start(Start(flow="research_agent", inputs={"topic": kept}))
    assert stack.get(f"kx/{name}")["inputs"] == {"topic": kept}


def test_an_execution_is_found_by_name_uid_and_unique_prefix(stack: Stack, started: str) -> None:
    """Name, uid and a prefix of either lead to the same execution, which is Pending before any status."""
    uid = stack.kubectl("get", f"kx/{started}", "-o=jsonpath={.metadata.uid}")
    found = [stack.executions.locate(name) for name in (started, uid, started[:-1], uid[:13])]
    assert {one.exec_id for one in found} == {started}
    assert found[0].phase is Phase.PENDING
    assert found[0].paths.root == f"{stack.settings.namespace}/executions/{uid}"


def test_a_prefix_of_two_executions_is_refused(stack: Stack, started: str) -> None:
    """A prefix that two executions share is a LookupError that names them."""
    second = stack.executions.start(Start(flow="research_agent", inputs={}))
    with pytest.raises(LookupError, match="2 executions") as refused:
        stack.executions.locate("research-agent-")
    assert all(name in str(refused.value) for name in (started, second))


@pytest.mark.parametrize("verb", ["locate", "retry", "cancel", "abort", "answer", "await_change"])
def test_every_verb_refuses_an_unknown_execution(stack: Stack, verb: str) -> None:
    """An id that no execution has is a LookupError, whatever is asked of it."""
    arguments = {"abort": ("approve",), "answer": ("approve", True), "await_change": (1.0,)}.get(verb, ())
    with pytest.raises(LookupError, match="research-agent-none"):
        getattr(stack.executions, verb)("research-agent-none", *arguments)


def test_retry_raises_the_allowance_to_the_failures(stack: Stack, started: str) -> None:
    """A failed execution gets one more try, and counts as pending from then on."""
    stack.say(f"kx/{started}", phase="Failed", failures=2, attempt=3)
    stack.executions.retry(started)
    assert stack.get(f"kx/{started}")["retry"] == 2
    assert stack.executions.locate(started).phase is Phase.PENDING
    with pytest.raises(KitaruStateError, match="running"):
        stack.executions.retry(started)


@pytest.mark.parametrize("phase", ["Pending", "Running", "Waiting", "Completed", "Cancelled"])
def test_only_a_failed_execution_can_be_retried(stack: Stack, started: str, phase: str) -> None:
    """Retry in any other phase is refused and changes nothing."""
    stack.say(f"kx/{started}", phase=phase)
    with pytest.raises(KitaruStateError, match="only one that is failed can be retried"):
        stack.executions.retry(started)
    assert stack.get(f"kx/{started}")["retry"] == 0


@pytest.mark.parametrize("phase", ["Pending", "Running", "Waiting"])
def test_cancel_asks_the_operator(stack: Stack, started: str, phase: str) -> None:
    """Cancelling an execution that is not over sets spec.cancel; asking twice is no error."""
    stack.say(f"kx/{started}", phase=phase)
    stack.executions.cancel(started)
    stack.executions.cancel(started)
    assert stack.get(f"kx/{started}")["cancel"] is True


@pytest.mark.parametrize("phase", ["Completed", "Cancelled", "Failed"])
def test_what_is_over_cannot_be_cancelled(stack: Stack, started: str, phase: str) -> None:
    """Cancelling a finished execution is refused and changes nothing."""
    stack.say(f"kx/{started}", phase=phase, failures=1)
    with pytest.raises(KitaruStateError, match=phase.lower()):
        stack.executions.cancel(started)
    assert stack.get(f"kx/{started}")["cancel"] is False


def _verdict(stack: Stack, **status: JsonValue) -> None:
    """Play the operator: decide the first answer that comes."""
    name = waiting.until(lambda: next(iter(stack.names("ka")), None), "an answer to be created", seconds=20)
    stack.say(name, decidedAt=TIME, **status)


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        pytest.param("DoesNotFit", KitaruWaitValidationError, id="misfit"),
        pytest.param("AlreadyDecided", KitaruStateError, id="second"),
        pytest.param("DeadlinePassed", KitaruStateError, id="late"),
        pytest.param("ExecutionOver", KitaruStateError, id="over"),
        pytest.param("TooLarge", KitaruUsageError, id="large"),
    ],
)
def test_a_refused_answer_raises_the_operators_words(
    stack: Stack, started: str, reason: str, error: type[Exception]
) -> None:
    """A refusal is an error of its kind, with the message that the operator gave."""
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(stack.executions.answer, started, "approve", {"approved": "yes"})
        _verdict(stack, phase="Refused", reason=reason, message="answer.approved is at fault.")
        with pytest.raises(error, match=r"answer\.approved"):
            asked.result(timeout=30)


def test_an_answer_is_given_under_the_callers_own_name(stack: Stack, started: str) -> None:
    """The answer names the execution, the wait and the user of the kubeconfig, and returns when it is accepted."""
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(stack.executions.answer, started, "approve_2", None)
        _verdict(stack, phase="Accepted", reason="Answered")
        asked.result(timeout=30)
    (answer,) = stack.names("ka")
    user = stack.kubectl("auth", "whoami", "-o=jsonpath={.status.userInfo.username}")
    assert stack.get(answer) == {"execution": started, "wait": "approve_2", "value": None, "answeredBy": user}


def test_an_abort_returns_once_it_is_stored(stack: Stack, started: str) -> None:
    """An abort is accepted only when the execution is Cancelled; the caller is told when it is stored."""
    stored: JsonValue = {"type": "Stored", "status": "True", "reason": "AbortStored", "lastTransitionTime": TIME}
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(stack.executions.abort, started, "approve")
        _verdict(stack, phase="Pending", conditions=[stored])
        asked.result(timeout=30)


def test_await_change_returns_at_a_change(stack: Stack, started: str) -> None:
    """Who has located an execution is woken by its next change, long before the timeout."""
    stack.executions.locate(started)
    with ThreadPoolExecutor() as pool:
        woken = pool.submit(stack.executions.await_change, started, 60)
        stack.say(f"kx/{started}", phase="Running")
        woken.result(timeout=20)


def test_await_change_misses_no_change_since_the_last_look(stack: Stack, started: str) -> None:
    """A change between locating and waiting ends the wait at once."""
    stack.executions.locate(started)
    stack.say(f"kx/{started}", phase="Running")
    began = time.monotonic()
    stack.executions.await_change(started, 60)
    assert time.monotonic() - began < 20


def test_await_change_ends_with_its_timeout(stack: Stack, started: str) -> None:
    """Without a change it returns after about the timeout, without an error."""
    stack.executions.locate(started)
    began = time.monotonic()
    stack.executions.await_change(started, 1)
    assert 0.5 < time.monotonic() - began < 10


def test_a_trouble_of_the_pod_is_the_reason(stack: Stack, started: str) -> None:
    """What keeps an execution from starting is told as its reason."""
    told: JsonValue = {
        "type": "RunnerReady",
        "status": "False",
        "reason": "ImageNotPulled",
        "message": "the image cannot be pulled",
        "lastTransitionTime": TIME,
    }
    stack.say(f"kx/{started}", phase="Pending", conditions=[told])
    assert stack.executions.locate(started).reason == "the image cannot be pulled"


def test_a_namespace_that_is_not_there_is_named(stack: Stack) -> None:
    """Deploying into a namespace that does not exist says so, and how to go on."""
    executions, _ = stack.with_settings(namespace="nowhere")
    with pytest.raises(LookupError, match="'nowhere'"):
        executions.start(Start(flow="research_agent", inputs={}))


def test_a_cluster_that_does_not_answer_is_named(stack: Stack, tmp_path: Path) -> None:
    """A server that refuses connections is named with the stack and the context."""
    config = stack.settings.kubeconfig
    assert config is not None
    server = stack.kubectl("config", "view", "-o=jsonpath={.clusters[0].cluster.server}")
    dead = tmp_path / "kubeconfig"
    dead.write_text(config.read_text().replace(server, "https://127.0.0.1:9"))
    executions, _ = stack.with_settings(kubeconfig=dead)
    with pytest.raises(KitaruBackendError, match=r"https://127\.0\.0\.1:9 of stack 'test'"):
        executions.locate("any")


def test_a_context_that_is_not_there_is_named(stack: Stack) -> None:
    """A context that the kubeconfig lacks is refused by name."""
    with pytest.raises(KitaruUsageError, match="elsewhere"):
        stack.with_settings(context="elsewhere")


def test_a_replay_is_refused(stack: Stack) -> None:
    """The operator starts none yet: the error says what to do instead, and no resource is made."""
    source = Spec(namespace="n", name="old", uid="u", flow="f", entrypoint="m:f", created_at=datetime.now(UTC))
    replay = Replay(execution="old", slots=1, from_="call")
    with pytest.raises(KitaruFeatureNotAvailableError, match=r"'?old'? cannot be replayed on Kubernetes: start a new"):
        stack.executions.replay(ReplayStart(source=source, replay=replay, inputs={}, artifacts={}))
    assert stack.names("kx") == []
