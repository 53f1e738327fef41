"""Executions of one flow in one bucket, and the results that they share."""

from dataclasses import replace

import pytest

from kitaru.core.head import State
from tests.integration.runner.runners import Execution


@pytest.mark.parametrize(
    ("cache", "ran"), [(None, []), (True, []), (False, ["first", "second"])], ids=["unsaid", "on", "off"]
)
def test_a_second_execution_takes_the_results_of_the_first(
    execution: Execution, ran: list[str], *, cache: bool | None
) -> None:
    """Its functions do not run unless its cache is off; the journal says whose results it has."""
    execution.freeze("agents:steps", topic="tea")
    assert execution.attempt().code == 0
    second = replace(execution, uid="uid-2", cache=cache)
    second.freeze("agents:steps", topic="tea")
    ended = second.attempt()
    head = second.head()
    assert (ended.code, ended.stderr, head.state) == (0, "", State.COMPLETED)
    assert head.result is not None
    assert head.result.data == "TEA!"
    assert execution.effects == ["first", "second", *ran]
    assert [line["call"] for line in second.lines() if line.get("event") == "cached"] == (
        [] if ran else ["first", "second"]
    )
