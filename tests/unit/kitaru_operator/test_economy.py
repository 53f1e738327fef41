"""What the operator costs: writes, reads, and nothing for those that rest."""

from kitaru.core.journal import Returned
from kitaru_operator.world import Key
from tests.unit.kitaru_operator import records
from tests.unit.kitaru_operator.bench import NAMESPACE, Bench

OURS = {("patch", "kitaruexecutions"), ("update", "kitaruexecutions/status"), ("create", "pods"), ("delete", "pods")}


def _writes(bench: Bench, since: int) -> list[tuple[str, str]]:
    return [one for one in bench.cluster.writes[since:] if one in OURS]


def test_an_attempt_costs_at_most_six_writes() -> None:
    """The mark, two numbers and phases, the pod made and deleted; the second attempt needs no mark."""
    bench = Bench()
    pod = bench.begin()
    bench.pod_becomes(pod, "Running")
    mine = bench.runner("x")
    bench.later(3)
    assert bench.status("x") == "Running"
    mine.append((records.asked(), records.parked()))
    bench.exits(pod)
    made = [one for one in bench.cluster.writes if one in OURS]
    by_people = [("patch", "kitaruexecutions")]
    assert bench.status("x") == "Waiting"
    assert len(made) - len(by_people) <= 6


def test_an_execution_that_waits_costs_nothing() -> None:
    """A resync makes no pass over what rests, and reads nothing of its log."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.asked(), records.parked())
    bench.exits(pod)
    written = len(bench.cluster.writes)
    bench.resync()
    assert bench.world.touched == {Key("flow", NAMESPACE, "f")}
    bench.settle()
    assert bench.world.memory(Key("execution", NAMESPACE, "x")).head is None
    assert bench.cluster.writes[written:] == []


def test_counters_are_written_every_half_minute_at_most() -> None:
    """However many calls finish; what opens or closes a wait is written at once."""
    bench = Bench()
    pod = bench.begin()
    bench.pod_becomes(pod, "Running")
    mine = bench.runner("x")
    bench.later(3)
    written = len(_writes(bench, 0))
    for number in range(25):
        mine.append((_call(number),))
        bench.later(1)
    assert len(_writes(bench, 0)) == written
    bench.later(10)
    assert len(_writes(bench, 0)) == written + 1
    mine.append((records.asked(), records.idle()))
    bench.later(31)
    assert bench.status("x") == "Waiting"
    assert bench.execution("x").status.waiting_for == "approve"


def _call(number: int) -> Returned:
    return records.returned(f"draft_{number}")


def test_an_operator_that_starts_again_writes_nothing_anew() -> None:
    """What the status says already is not said again."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.asked(), records.parked())
    bench.exits(pod)
    written = len(bench.cluster.writes)
    bench.crash()
    bench.settle()
    assert bench.cluster.writes[written:] == []
