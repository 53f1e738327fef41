"""The API server refuses a pod, a pod is somebody else's, the store is away."""

import asyncio

from kitaru.core import names
from kitaru_operator.cluster import EXECUTIONS, FLOWS, PODS, Body
from tests.unit.kitaru_operator import records
from tests.unit.kitaru_operator.bench import NAMESPACE, Bench


def _applied(bench: Bench) -> None:
    bench.apply(FLOWS, "f", {"entrypoint": "agents.f:f", "image": "registry.example/f:1"})
    bench.apply(EXECUTIONS, "x", {"flow": "f"})


def test_a_pod_that_the_api_server_refuses_is_said_and_tried_again() -> None:
    """A quota may have room later; no attempt is burnt meanwhile."""
    bench = Bench()
    bench.turns.refusal = "exceeded quota: pods"
    _applied(bench)
    bench.settle()
    assert bench.runner_ready() == ("PodRefused", "exceeded quota: pods")
    bench.turns.refusal = None
    bench.later(6)
    assert len(bench.pods()) == 1
    assert bench.execution("x").status.attempt == 1


def test_a_pod_of_somebody_else_under_our_name_is_not_taken_for_ours() -> None:
    """The execution stays Pending until it is gone, and then begins."""
    bench = Bench()
    bench.apply(EXECUTIONS, "x", {"flow": "f"})
    uid = bench.execution("x").metadata.uid
    theirs: Body = {"metadata": {"name": names.pod_name("x", uid, 1)}}
    asyncio.run(bench.cluster.create(PODS, NAMESPACE, theirs))
    bench.apply(FLOWS, "f", {"entrypoint": "agents.f:f", "image": "registry.example/f:1"})
    bench.try_for(5)
    assert bench.status("x") == "Pending"
    bench.delete(PODS, names.pod_name("x", uid, 1))
    bench.try_for(60)
    assert bench.execution("x").status.attempt == 1
    assert len(bench.pods()) == 1


def test_a_store_that_is_away_is_said_and_the_work_goes_on_when_it_is_back() -> None:
    """StoreReady says so; nothing is started, nothing is lost."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.asked(), records.parked())
    bench.away = True
    bench.pod_becomes(pod, "Succeeded")
    bench.try_for(5)
    assert bench.store_ready()[0] == "StoreUnavailable"
    bench.away = False
    bench.try_for(60)
    assert bench.store_ready()[0] == "StoreFit"
    assert bench.status("x") == "Waiting"
    assert bench.pods() == []
