"""Two operators at once, which should never be, and does no harm."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from tests.e2e.support import audit, operators
from tests.e2e.support.audit import Audit
from tests.e2e.support.space import Space

LOAD_SECONDS: Final = 60.0
AT_ONCE: Final = 4


def test_two_operators_make_one_pod_an_attempt(space: Space) -> None:
    """For a minute of load each attempt has one pod, made once, and each effect takes place once."""
    flow = space.deploy("steps:short")
    requests = Audit(space.cluster)
    with operators.several(space.cluster, 2), ThreadPoolExecutor(AT_ONCE) as people:
        ends = time.monotonic() + LOAD_SECONDS
        executions = [name for names in people.map(partial(load, space, flow), [ends] * AT_ONCE) for name in names]
    assert len(executions) >= AT_ONCE
    made: Counter[str] = Counter()
    for request in requests.requests(space.namespace):
        if request.user == audit.OPERATOR and (request.verb, request.what) == ("create", "pods") and request.wrote:
            made[request.name] += 1
    assert len(made) == 2 * len(executions)
    assert set(made.values()) == {1}
    for execution in executions:
        assert space.effects(execution) == {"attempt-1": 1, "attempt-2": 1, "first": 1, "third": 1}
        assert space.status(execution).attempt == 2


def load(space: Space, flow: str, ends: float) -> list[str]:
    """Run executions one after the other, each parked and answered, until the time is over."""
    done: list[str] = []
    while time.monotonic() < ends:
        execution = space.start(flow)
        space.await_question(execution)
        space.answer(execution, "go")
        space.await_phase(execution, "Completed")
        done.append(execution)
    return done
