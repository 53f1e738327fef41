"""What of a flow's spec speaks of the code that it names."""

from typing import Final

import pytest

from kitaru.core.resources.flow import Deployment, FlowSpec

SCHEMA: Final = {"type": "object"}
MADE: Final = Deployment(id="d1", entrypoint="agents:agent", image="agents:1")


@pytest.mark.parametrize(
    ("entrypoint", "image", "deployment", "known"),
    [
        pytest.param("agents:agent", "agents:1", MADE, True, id="as deployed"),
        pytest.param("agents:agent", "agents:1", None, True, id="given by hand"),
        pytest.param("agents:agent", "agents:2", Deployment(id="d0"), True, id="deployed by an older client"),
        pytest.param("agents:other", "agents:1", MADE, False, id="another entrypoint applied since"),
        pytest.param("agents:agent", "agents:2", MADE, False, id="another image applied since"),
    ],
)
def test_a_signature_counts_for_what_was_deployed_with_it(
    entrypoint: str, image: str, deployment: Deployment | None, *, known: bool
) -> None:
    """`kubectl apply` leaves the fields that it does not own: they would judge the inputs of other code."""
    spec = FlowSpec(entrypoint=entrypoint, image=image, deployment=deployment, input_schema=SCHEMA)
    assert spec.signature() == (SCHEMA if known else None)
    assert spec.deployed() == (deployment if known else None)
