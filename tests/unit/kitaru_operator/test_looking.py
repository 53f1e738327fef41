"""How often the log of an execution is looked at: often until its runner has fenced, then less and less."""

import pytest

from kitaru_operator import work
from kitaru_operator.cluster import EXECUTIONS
from kitaru_operator.schedule import Bucket
from kitaru_operator.world import Key
from tests.unit.kitaru_operator import records
from tests.unit.kitaru_operator.bench import NAMESPACE, Bench

X = Key("execution", NAMESPACE, "x")


def _stirs(bench: Bench, pod: str, number: int) -> None:
    """Let the pod's status change, which tells nothing new of the log."""
    bench.pod_becomes(pod, "Running", containerStatuses=[{"imageID": f"f@{number}"}])


@pytest.mark.parametrize("boot", [3, 20, 90], ids=lambda seconds: f"{seconds} s")
def test_running_is_seen_within_a_second_however_long_the_runner_boots(boot: int) -> None:
    """Pods that start slowly, and news of others meanwhile, make nobody wait for the phase."""
    bench = Bench()
    pod = bench.begin()
    bench.pod_becomes(pod, "Running")
    for _ in range(boot):
        bench.later(0.5)
        _stirs(bench, pod, 1)
        bench.later(0.5)
        _stirs(bench, pod, 2)
    assert bench.status("x") == "Pending"
    bench.run("x", records.returned())
    bench.later(0.5)
    assert bench.status("x") == "Running"


def test_a_pod_that_starts_late_is_looked_at_often_from_then_on() -> None:
    """While an image is pulled there is nothing to look for."""
    bench = Bench()
    pod = bench.begin()
    for _ in range(60):
        bench.later(1)
    assert bench.world.memory(X).poll > work.FIRST_LOOK
    bench.pod_becomes(pod, "Running")
    bench.settle()
    assert bench.world.memory(X).poll == work.BOOT_LOOK


def test_once_it_runs_looks_get_rarer_while_nothing_is_new() -> None:
    """2 s, doubled to 30 s; a pod's event does not lengthen it, and a record makes it 2 s again."""
    bench = Bench()
    pod = bench.begin()
    bench.pod_becomes(pod, "Running")
    mine = bench.runner("x")
    bench.later(1)
    polls: list[float] = []
    for _ in range(120):
        bench.later(1)
        polls.append(bench.world.memory(X).poll)
        before = bench.world.memory(X).poll
        _stirs(bench, pod, len(polls))
        bench.settle()
        assert bench.world.memory(X).poll == before
    assert set(polls) <= {2, 4, 8, 16, 30}
    assert polls == sorted(polls)
    assert polls[-1] == work.LAST_LOOK
    mine.append((records.returned(),))
    bench.later(30)
    assert bench.world.memory(X).poll == work.FIRST_LOOK


def test_when_all_want_to_look_at_once_each_has_its_turn() -> None:
    """So many reads a second in all, in the order in which they were asked for: nobody is passed over for ever."""
    bench = Bench()
    bench.world.budgets.reads = Bucket(rate=10, burst=1)
    bench.begin()
    names = ["x", *(f"x{number}" for number in range(30))]
    for name in names[1:]:
        bench.apply(EXECUTIONS, name, {"flow": "f"})
    bench.settle()
    for pod in bench.pods():
        bench.pod_becomes(pod, "Running")
    bench.later(0.5)
    for name in names:
        bench.run(name, records.returned())
    for _ in range(45):
        bench.later(0.1)
    assert {bench.status(name) for name in names} == {"Running"}
