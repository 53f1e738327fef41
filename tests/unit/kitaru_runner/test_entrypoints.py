"""From `module:attribute` to a flow."""

import pytest

from kitaru.errors import KitaruUsageError
from kitaru_runner import entrypoints
from tests.contract.executions.flows import agents


def test_the_attribute_is_the_flow() -> None:
    """An entrypoint leads to the definition of the flow that it names."""
    entrypoint = "tests.contract.executions.flows.agents:contract_echo"
    assert entrypoints.load(entrypoint) is agents.contract_echo.definition


@pytest.mark.parametrize(
    ("entrypoint", "named"),
    [
        pytest.param("nowhere.at.all:flow", "cannot be imported: ModuleNotFoundError", id="module"),
        pytest.param("json:flow", "has no 'flow'", id="attribute"),
        pytest.param("json:dumps", "is function, not a flow", id="no-flow"),
    ],
)
def test_what_leads_nowhere_is_named(entrypoint: str, named: str) -> None:
    """The error has the entrypoint and what is wrong with it."""
    with pytest.raises(KitaruUsageError, match=f"'{entrypoint}'.* ?{named}"):
        entrypoints.load(entrypoint)
