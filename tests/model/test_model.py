"""The protocol, explored: the decisions in every search are the product's own functions.

`pytest tests/model` runs the small corners and everything that must fail; `-m integration` the whole set. What is
explored, what is not, and how long it takes stands in docs/protocol.md.
"""

from __future__ import annotations

import pytest

from tests.model import corners, search
from tests.model.corners import Run


def told(run: Run) -> str:
    """Return what a search found, its trace in words."""
    found = search.explore(run.seams, run.scenario)
    steps = "\n".join(f"  {number}. {step}" for number, step in enumerate(found.trace, 1))
    return f"{found.violation}\n{steps}" if found.violation else ""


def ids(run: Run) -> str:
    """Return what a run is called."""
    return run.name


SMALL = [run for run in corners.HOLDS if run.small]
WHOLE = [run for run in corners.HOLDS if not run.small]


@pytest.mark.parametrize("run", SMALL, ids=ids)
def test_a_small_corner_holds(run: Run) -> None:
    """No interleaving violates an invariant, and every state can come to rest."""
    assert told(run) == ""


@pytest.mark.integration
@pytest.mark.parametrize("run", WHOLE, ids=ids)
def test_a_corner_holds(run: Run) -> None:
    """No interleaving violates an invariant, and every state can come to rest."""
    assert told(run) == ""


@pytest.mark.parametrize("run", corners.UNDONE, ids=ids)
def test_without_the_rule_an_invariant_breaks(run: Run) -> None:
    """With one rule taken back the search finds the story that the rule prevents."""
    assert told(run).startswith(run.expect)


@pytest.mark.parametrize("run", corners.CONTROLS, ids=ids)
def test_without_the_guarantee_an_invariant_breaks(run: Run) -> None:
    """With a guarantee of the store or the protocol's core taken away, the search finds the damage."""
    assert told(run).startswith(run.expect)
