"""How fast it is, beside a bare pod and a bare put_object in the same run. Printed; only counts are asserted."""

import json
import os
import signal
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest

from tests.e2e.support import audit, bare, processes
from tests.e2e.support.audit import Audit, Request
from tests.e2e.support.space import Space

RUNS: Final = 5
COMMITS: Final = 300
CALLS: Final = 10_000
#: Writes of the operator to executions and pods, for each attempt.
WRITES: Final = 6
RESOURCE: Final = 4096
#: Seconds that ten thousand commits may take on a machine that is busy.
LONG: Final = 300.0


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of each kind, one a run."""

    bare_pod: list[float] = field(default_factory=list[float])
    start: list[float] = field(default_factory=list[float])
    answer: list[float] = field(default_factory=list[float])
    park: list[float] = field(default_factory=list[float])
    lost: list[float] = field(default_factory=list[float])
    process: list[float] = field(default_factory=list[float])


@pytest.mark.timeout(900)
def test_speed(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    """At most six writes an attempt, and under 4 KiB for ten thousand calls; the times are printed with their goals."""
    measured = Measured()
    requests = Audit(space.cluster)
    flow = space.deploy("speed:clock")
    bare.printed(space, "bare-warm", space.image.pinned, bare.CLOCK)
    runs = [once(space, flow, number, measured) for number in range(RUNS)]
    writes = [count(requests, space, execution) for execution in runs]
    measured.lost.extend(lost(space, requests, flow) for _ in range(RUNS))
    commit = committed(space, flow)
    put = bare.printed(space, "bare-puts", space.installed.operator.pinned, bare.PUTS)
    size, calls, back = many(space, statistics.median(measured.process))
    pod = statistics.median(measured.bare_pod)
    rows = [
        ("a bare pod's first line of Python", f"{pod:.2f} s", ""),
        ("KitaruExecution created → first line of the flow", seconds(measured.start), f"≤ {pod + 0.4:.2f} s"),
        ("answer created → first line of the flow again", seconds(measured.answer), f"≤ {pod + 0.4:.2f} s"),
        ("parked → no pod", seconds(measured.park), "≤ 3 s"),
        ("pod lost → its replacement created", seconds(measured.lost), "≤ 2 s"),
        ("a bare boto3 put_object", f"{put * 1000:.2f} ms", ""),
        ("a checkpoint's commit", f"{commit * 1000:.2f} ms", f"≤ {put * 500:.2f} ms"),
        ("API writes an attempt", f"{max(sum(one.values()) for one in writes) / 2:.1f}", f"≤ {WRITES}"),
        (f"{CALLS} calls made, each", f"{calls / CALLS * 1000:.2f} ms", ""),
        (f"{CALLS} calls: the resource", f"{size} bytes", f"< {RESOURCE}"),
        (f"{CALLS} calls: read back by the next attempt", f"{back:.2f} s", "≤ 3 s"),
    ]
    with capsys.disabled():
        print()
        for what, took, goal in rows:
            print(f"  {what:<52}{took:>14}   {goal}")
    for one in writes:
        assert sum(one.values()) <= 2 * WRITES, one
    assert size < RESOURCE


def once(space: Space, flow: str, number: int, measured: Measured) -> str:
    """Run a bare pod, then an execution from its start over its park to its end, and measure its steps."""
    began = time.time()
    measured.bare_pod.append(bare.printed(space, f"bare-{number}", space.image.pinned, bare.CLOCK) - began)
    began = time.time()
    execution = space.start(flow, count=0)
    space.until(lambda: space.head(execution).state == "parked", f"{execution} to park")
    space.await_no_pod(execution)
    gone = time.time()
    (parked,) = (record for record in space.records(execution) if record.kind == "parked")
    measured.park.append(gone - parked.at.timestamp())
    space.await_phase(execution, "Waiting")
    answered = time.time()
    space.answer(execution, "go")
    space.await_phase(execution, "Completed")
    first, again = printed(space, execution, "first")
    measured.start.append(first - began)
    measured.answer.append(again - answered)
    measured.process.append(first - printed(space, execution, "process")[0])
    return execution


def lost(space: Space, requests: Audit, flow: str) -> float:
    """Kill a runner at work, and return the seconds until the API server is asked for its replacement."""
    execution = space.start(flow, count=100_000)
    space.await_phase(execution, "Running")
    pod = space.await_pod(execution, 1)
    process = processes.running(space, pod)[0]
    killed = time.time()
    os.kill(process, signal.SIGKILL)
    space.await_pod(execution, 2)
    space.change(execution, cancel=True)
    made = next(one for one in created(requests, space) if one.name.startswith(execution) and one.name.endswith("-2"))
    return made.at.timestamp() - killed


def committed(space: Space, flow: str) -> float:
    """Return the median seconds of a checkpoint that does nothing, in the cluster."""
    execution = space.start(flow, count=COMMITS)
    space.await_phase(execution, "Waiting")
    space.change(execution, cancel=True)
    return printed(space, execution, "commit")[0]


def many(space: Space, start: float) -> tuple[int, float, float]:
    """Make ten thousand calls, and kill the attempt after the last.

    Return the bytes of the resource, the seconds of the calls, and those by which the next attempt came to the same
    line later than the `start` that a process takes to the first one.
    """
    execution = space.start(space.deploy("speed:many"), count=CALLS)
    space.await_effect(execution, "counted-1", seconds=LONG)
    processes.kill(space, execution, 1)
    space.await_effect(execution, "counted-2")
    space.open_gate(execution, "end-2")
    status = space.await_phase(execution, "Completed")
    assert status.result == str(CALLS)
    resource = json.loads(space.kubectl("get", "kx", execution, "-o", "json"))
    head = space.head(execution)
    assert head.finished == CALLS
    counted, process = (printed(space, execution, what)[-1] for what in ("counted", "process"))
    begun = [record.at for record in space.records(execution) if record.kind == "begun"]
    return len(json.dumps(resource)), (begun[-1] - begun[0]).total_seconds(), counted - process - start


def printed(space: Space, execution: str, what: str) -> list[float]:
    """Return the numbers that an execution's attempts printed under this word, in their order."""
    words = [str(line["message"]).split() for line in space.lines(execution) if line.get("source") == "stdout"]
    return [float(number) for word, number in words if word == what]


def created(requests: Audit, space: Space) -> Iterator[Request]:
    """Yield the operator's requests that made a pod."""
    for one in requests.requests(space.namespace):
        if one.user == audit.OPERATOR and (one.verb, one.what) == ("create", "pods") and one.wrote:
            yield one


def count(requests: Audit, space: Space, execution: str) -> Counter[str]:
    """Return how often the operator wrote what about an execution and its pods."""
    return Counter(
        f"{one.verb} {one.what}"
        for one in requests.requests(space.namespace)
        if one.user == audit.OPERATOR and one.wrote and one.name.startswith(execution) and one.what != "events"
    )


def seconds(values: list[float]) -> str:
    """Return the median as text."""
    return f"{statistics.median(values):.2f} s"
