"""The operator's log says what it decided."""

import logging

import pytest

from kitaru_operator.cluster import EXECUTIONS, NAMESPACES, Ref
from tests.unit.kitaru_operator import records
from tests.unit.kitaru_operator.bench import NAMESPACE, Bench
from tests.unit.kitaru_operator.turns import drive


def _said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == "kitaru_operator.diary"]


def test_each_step_of_a_life_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Started, lost, parked, answered, ended: nobody has to guess what the operator did."""
    caplog.set_level(logging.INFO)
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.returned())
    bench.pod_becomes(pod, "Failed")
    bench.settle()
    (pod,) = bench.pods()
    bench.run("x", records.asked(), records.parked())
    bench.exits(pod)
    bench.answers("no", "approve", value={})
    bench.answers("yes", "approve", value={"approved": True})
    (pod,) = bench.pods()
    bench.run("x", records.answered(), records.completed())
    bench.exits(pod)
    assert _said(caplog) == [
        "execution is Pending",
        "attempt started",
        "no runner: PodLost",
        "attempt started",
        "execution is Waiting",
        "answer is Refused: DoesNotFit",
        "answer is Accepted: Answered",
        "execution is Pending",
        "attempt started",
        "execution is Completed",
    ]


def test_data_that_a_namespace_leaves_behind_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """Its deletion waits for no store, and its events go with it: the log is what is left."""
    bench = Bench()
    bench.begin(deletionPolicy="Purge")
    uri = bench.world.journals.uri(bench.paths("x"))
    ref = Ref(NAMESPACES, "", NAMESPACE)
    body = drive(bench.cluster.get(ref))
    drive(bench.cluster.put_status(ref, {**body, "status": {"phase": "Terminating"}}))
    bench.delete(EXECUTIONS, "x")
    bench.settle()
    assert [vars(one)["uri"] for one in caplog.records if one.getMessage() == "data may be left"] == [uri]
