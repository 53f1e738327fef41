"""Pods that do not start, or are lost: what is said, what is done, when it is given up."""

import itertools

import pytest
from pydantic import JsonValue

from kitaru.core.resources.conditions import Reason
from kitaru_operator.cluster import EXECUTIONS, FLOWS, PODS
from kitaru_operator.observed import StoreState
from tests.unit.kitaru_operator import records
from tests.unit.kitaru_operator.bench import Bench


def _waits(reason: str, message: str) -> dict[str, JsonValue]:
    return {"containerStatuses": [{"state": {"waiting": {"reason": reason, "message": message}}}]}


TROUBLES = [
    pytest.param(
        _waits("ImagePullBackOff", "Back-off pulling image"),
        "ImageNotPulled",
        "Back-off pulling",
        id="the image cannot be pulled",
    ),
    pytest.param(
        _waits("InvalidImageName", "couldn't parse image"),
        "ImageNotPulled",
        "couldn't parse",
        id="the image has no name",
    ),
    pytest.param(
        {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes"}]},
        "Unschedulable",
        "0/3 nodes",
        id="no node takes it",
    ),
]
SLOW = _waits("ContainerCreating", "")


@pytest.mark.parametrize(("status", "reason", "message"), TROUBLES)
def test_a_pod_that_does_not_start_is_said_at_once_and_given_up_at_the_deadline(
    status: dict[str, JsonValue], reason: str, message: str
) -> None:
    """Pending with a reason, Failed after startDeadlineSeconds, and no pod is left."""
    bench = Bench()
    pod = bench.begin(startDeadlineSeconds=60)
    bench.pod_becomes(pod, "Pending", **status)
    bench.settle()
    assert bench.runner_ready()[0] == reason
    assert message in bench.runner_ready()[1]
    assert reason in bench.events()
    for _ in range(7):
        bench.later(9)
    failure = bench.execution("x").status.failure
    assert bench.status("x") == "Failed"
    assert failure is not None
    assert message in failure.message
    assert bench.pods() == []


def test_a_pod_that_is_only_slow_is_given_up_at_the_deadline_too() -> None:
    """An image that takes too long is as good as none."""
    bench = Bench()
    pod = bench.begin(startDeadlineSeconds=60)
    bench.pod_becomes(pod, "Pending", **SLOW)
    bench.settle()
    assert bench.runner_ready()[0] == "Starting"
    for _ in range(7):
        bench.later(9)
    assert bench.status("x") == "Failed"
    assert bench.pods() == []


def test_a_missing_secret_of_the_store_burns_no_attempt() -> None:
    """StoreReady says it, and the pod starts by itself once the Secret is there."""
    bench = Bench()
    pod = bench.begin(startDeadlineSeconds=60)
    missing = _waits("CreateContainerConfigError", 'secret "kitaru-s3" not found')
    bench.pod_becomes(pod, "Pending", **missing)
    bench.settle()
    assert bench.store_ready()[0] == "CredentialsMissing"
    assert "kitaru-s3" in bench.store_ready()[1]
    for _ in range(30):
        bench.later(10)
    assert bench.status("x") == "Pending"
    assert bench.execution("x").status.attempt == 1
    bench.pod_becomes(pod, "Running")
    bench.run("x", records.returned())
    bench.later(3)
    assert bench.status("x") == "Running"
    assert bench.store_ready()[0] == "StoreFit"


def test_a_secret_that_lacks_a_key_burns_no_attempt() -> None:
    """The kubelet names the key, StoreReady says it."""
    bench = Bench()
    pod = bench.begin(startDeadlineSeconds=60)
    said = "couldn't find key AWS_ACCESS_KEY_ID in Secret team/kitaru-s3"
    bench.pod_becomes(pod, "Pending", **_waits("CreateContainerConfigError", said))
    bench.settle()
    assert bench.store_ready()[0] == "CredentialsMissing"
    assert said in bench.store_ready()[1]
    bench.later(120)
    assert (bench.status("x"), bench.execution("x").status.attempt) == ("Pending", 1)


def _dies(bench: Bench, pod: str) -> None:
    killed: JsonValue = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    bench.pod_becomes(pod, "Failed", containerStatuses=[{"state": killed}])
    bench.settle()


def test_why_an_attempt_was_lost_is_told_while_it_backs_off_and_at_the_end() -> None:
    """By the condition, an event for each attempt, and the failure: nobody has to find the pod in time."""
    bench = Bench()
    _dies(bench, bench.begin())
    lost = "attempt 1 was lost (OOMKilled (exit code 137)); the next begins in 1 s"
    assert bench.runner_ready() == ("BackingOff", lost)
    assert bench.events() == ["BackingOff"]
    while bench.status("x") != "Failed":
        for pod in bench.pods():
            _dies(bench, pod)
        bench.later(1)
    failure = bench.execution("x").status.failure
    assert failure is not None
    assert "the last one: OOMKilled (exit code 137)" in failure.message


def test_why_an_attempt_was_lost_is_told_when_the_next_one_begins_at_once() -> None:
    """An attempt that had committed something is replaced without a back-off; its event stays."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.returned())
    _dies(bench, pod)
    assert bench.execution("x").status.attempt == 2
    assert bench.events() == ["PodLost"]


def test_an_execution_that_backs_off_is_pending() -> None:
    """Its log says that an attempt began, and not that its process died (rule 24)."""
    bench = Bench()
    pod = bench.begin()
    bench.pod_becomes(pod, "Running")
    bench.run("x")
    bench.later(1)
    assert bench.status("x") == "Running"
    _dies(bench, pod)
    assert bench.status("x") == "Pending"
    assert bench.runner_ready()[0] == "BackingOff"


def test_a_lost_pod_is_replaced_at_once_when_its_attempt_had_committed_something() -> None:
    """Lost means gone without an end in the log (rule 22)."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.returned())
    bench.delete(PODS, pod)
    bench.settle()
    assert bench.execution("x").status.attempt == 2
    assert len(bench.pods()) == 1


def test_lost_pods_that_committed_nothing_are_replaced_slower_and_slower_then_given_up() -> None:
    """After 1, 2, 4 … 60 seconds, eleven times in a row, then Failed by the runtime (rule 25)."""
    bench = Bench()
    bench.begin()
    begun = bench.clock.now()
    made: dict[str, float] = {}
    while bench.status("x") != "Failed":
        for pod in bench.pods():
            if pod not in made:
                made[pod] = (bench.clock.now() - begun).total_seconds()
                bench.pod_becomes(pod, "Failed")
                bench.settle()
        bench.later(1)
    gaps = [after - before for before, after in itertools.pairwise(made.values())]
    failure = bench.execution("x").status.failure
    assert gaps == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert failure is not None
    assert failure.origin == "runtime"
    assert bench.pods() == []


def test_a_pod_on_a_node_that_is_gone_is_lost() -> None:
    """It says Running for ever; its node says more (rule 13)."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.returned())
    body = bench.get(PODS, pod)
    spec = body["spec"]
    assert isinstance(spec, dict)
    bench.apply(PODS, pod, {**spec, "nodeName": "node1"})
    bench.pod_becomes(pod, "Running")
    bench.settle()
    assert bench.execution("x").status.attempt == 2


def test_no_attempt_is_started_on_a_store_that_is_unfit() -> None:
    """StoreReady=False with the reason; the attempt starts when the store is fit."""
    bench = Bench()
    bench.world.store = StoreState(ready=False, reason=Reason.STORE_UNFIT, message="no If-None-Match")
    bench.apply(FLOWS, "f", {"entrypoint": "a.f:f", "image": "registry.example/f:1"})
    bench.apply(EXECUTIONS, "x", {"flow": "f"})
    bench.settle()
    assert bench.store_ready() == ("StoreUnfit", "no If-None-Match")
    assert bench.pods() == []
