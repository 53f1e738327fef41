"""The API server refuses a pod, a pod is somebody else's, the store is away."""

import asyncio

from kitaru.backends import s3
from kitaru.backends.s3 import Reply, S3Settings
from kitaru.core import names
from kitaru_operator import connect, outages, probing
from kitaru_operator.cluster import ANSWERS, EXECUTIONS, FLOWS, PODS, Body
from kitaru_operator.connect import StoreJournals
from kitaru_operator.observed import StoreState
from tests.unit.kitaru_operator import records
from tests.unit.kitaru_operator.bench import NAMESPACE, Bench
from tests.unit.kitaru_operator.turns import drive


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


def test_a_new_execution_is_pending_while_the_store_is_away() -> None:
    """From the first request on that fails, and the next one before any: an empty phase tells nobody anything."""
    bench = Bench()
    bench.away = True
    _applied(bench)
    bench.apply(ANSWERS, "a", {"execution": "x", "wait": "approve", "value": {}, "answeredBy": "ada"})
    bench.try_for(1)
    assert bench.status("x") == "Pending"
    assert bench.store_ready()[0] == "StoreUnavailable"
    assert bench.answer("a").status.phase == "Pending"
    assert bench.answer("a").status.reason == "StoreUnavailable"
    bench.apply(EXECUTIONS, "y", {"flow": "f"})
    drive(bench.try_step())
    assert bench.status("y") == "Pending"
    bench.away = False
    bench.try_for(90)
    assert bench.store_ready()[0] == "StoreFit"
    assert len(bench.pods()) == 2


def test_a_bucket_that_does_not_exist_is_said() -> None:
    """With the remedy; the operator goes on asking."""
    settings = S3Settings(bucket="journals", endpoint="http://s3.test:9000")
    found = outages.state(s3.error(settings, "get of key 'a'", Reply("NoSuchBucket", 404)))
    assert (found.ready, found.reason) == (False, "BucketNotFound")
    assert "create it" in found.message


class _Hanging(StoreJournals):
    """A store that gives no answer until it is let."""

    def __init__(self, bench: Bench) -> None:
        settings = bench.world.settings.s3
        super().__init__(bench.store, settings, bench.clock, bench.ids, connect.in_threads())
        self.let = asyncio.Event()

    async def probe(self) -> StoreState:
        await self.let.wait()
        return StoreState(ready=True)


def test_a_store_that_hangs_at_the_operators_start_is_said_before_it_answers() -> None:
    """Executions show it as unknown, and begin when it is found to be fit."""
    bench = Bench()
    journals = _Hanging(bench)
    bench.world.journals = journals
    bench.world.store = StoreState(ready=None)
    _applied(bench)

    async def silent() -> None:
        probes = asyncio.create_task(probing.run(bench.world, patience=0.01))
        for _ in range(1000):
            if bench.world.store.message:
                break
            await asyncio.sleep(0.01)
        bench.settle()
        assert bench.status("x") == "Pending"
        assert bench.store_ready()[0] == "StoreUnavailable"
        journals.let.set()
        async with asyncio.timeout(10):
            await probes

    asyncio.run(silent())
    assert bench.world.store.ready is True


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
