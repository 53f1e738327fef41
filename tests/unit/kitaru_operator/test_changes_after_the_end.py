"""What a person may still change once an execution is over, and what that costs when nobody does."""

import pytest

from kitaru.core.resources.model import FINALIZER
from kitaru_operator.cluster import EXECUTIONS, NotFoundError
from tests.unit.kitaru_operator import records
from tests.unit.kitaru_operator.bench import Bench


def _over(end: str) -> Bench:
    bench = Bench()
    pod = bench.begin()
    if end == "Cancelled":
        bench.apply(EXECUTIONS, "x", {"cancel": True})
    else:
        bench.run("x", records.returned(), records.completed())
    bench.exits(pod)
    assert bench.status("x") == end
    return bench


@pytest.mark.parametrize("end", ["Completed", "Cancelled"])
def test_a_deletion_policy_that_is_changed_after_the_end_counts(end: str) -> None:
    """Purge puts the finalizer on, so that the data goes with the resource; Retain takes it off again."""
    bench = _over(end)
    paths = bench.paths("x")
    for policy, finalizers in (("Purge", (FINALIZER,)), ("Retain", ()), ("Purge", (FINALIZER,))):
        bench.apply(EXECUTIONS, "x", {"deletionPolicy": policy})
        bench.settle()
        assert bench.execution("x").metadata.finalizers == finalizers
    bench.delete(EXECUTIONS, "x")
    bench.settle()
    with pytest.raises(NotFoundError):
        bench.execution("x")
    assert list(bench.store.list(paths.root)) == []


def test_a_change_after_the_end_is_told_to_have_been_seen() -> None:
    """`kubectl wait` believes no condition of an older generation."""
    bench = _over("Completed")
    bench.apply(EXECUTIONS, "x", {"cancel": True})
    bench.settle()
    execution = bench.execution("x")
    generation = execution.metadata.generation
    assert generation > 1
    assert execution.status.observed_generation == generation
    assert {one.observed_generation for one in execution.status.conditions} == {generation}
    assert execution.status.phase == "Completed"


def test_a_change_after_the_end_needs_no_log() -> None:
    """The end cannot turn: a store that is away, or has lost the data, changes nothing."""
    bench = _over("Completed")
    for found in list(bench.store.list("")):
        bench.store.delete(found.key)
    bench.away = True
    bench.apply(EXECUTIONS, "x", {"deletionPolicy": "Purge"})
    bench.settle()
    assert bench.execution("x").metadata.finalizers == (FINALIZER,)
    assert bench.status("x") == "Completed"
    assert bench.pods() == []


def test_an_execution_that_is_over_costs_nothing() -> None:
    """A resync and a restart ask the store for nothing and write nothing."""
    bench = _over("Completed")
    bench.away = True
    written = len(bench.cluster.writes)
    bench.resync()
    bench.settle()
    bench.crash()
    bench.settle()
    assert bench.cluster.writes[written:] == []
