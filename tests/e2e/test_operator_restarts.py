"""The operator is killed while executions start, run, park and are answered."""

import json
from typing import Final

from tests.e2e.support import operators
from tests.e2e.support.space import Space

EXECUTIONS: Final = 8


def test_nothing_is_lost_or_doubled_when_the_operator_is_killed_at_work(space: Space) -> None:
    """Killed while pods start, while executions park, and while answers come: each completes, each effect is one."""
    flow = space.deploy("steps:short")
    space.until(lambda: space.flow(flow).status.latest_version == 1, "the flow's version to be recorded")
    executions = [space.start(flow, number=number) for number in range(EXECUTIONS)]
    space.await_effect(executions[0], "attempt-1")
    operators.kill(space.cluster)
    space.await_phase(executions[0], "Waiting")
    operators.replace(space.cluster)
    asking = [name for name in executions if space.head(name).waits]
    answers = [space.answer(name, "go") for name in asking]
    space.await_verdict(answers[0])
    operators.replace(space.cluster)
    answers += [space.answer(name, "go") for name in executions if name not in asking]
    for number, execution in enumerate(executions):
        status = space.await_phase(execution, "Completed")
        assert status.result == json.dumps(101 + number)
        assert status.attempt == 2
        assert space.effects(execution) == {"attempt-1": 1, "attempt-2": 1, "first": 1, "third": 1}
    assert {space.await_verdict(answer).status.phase for answer in answers} == {"Accepted"}
    operators.await_ready(space.cluster)
