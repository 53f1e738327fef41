"""Flows of steps in a row, which a test holds at the instruction that it wants to interrupt."""

import kitaru
from tests.e2e.flows import effects


@kitaru.checkpoint
def first() -> int:
    """Begin."""
    effects.happen("first")
    return 1


@kitaru.checkpoint
def second(number: int) -> int:
    """Stay at a gate of this attempt's own, between an effect and an effect of this attempt's own."""
    mine = f"second-{effects.attempt()}"
    effects.happen("second")
    effects.pass_gate(mine)
    effects.happen(mine)
    return number + 10 * effects.attempt()


@kitaru.checkpoint
def third(number: int) -> int:
    """Add a hundred."""
    effects.happen("third")
    return number + 100


@kitaru.flow
def steps() -> int:
    """Three checkpoints, and a gate in the body between the first two."""
    number = first()
    effects.happen("between")
    effects.pass_gate("between")
    return third(second(number))


@kitaru.flow
def short(number: int = 1) -> int:
    """A step, a question and a step; each attempt counts itself."""
    effects.happen(f"attempt-{effects.attempt()}")
    begun = first()
    kitaru.wait(name="go")
    return third(begun + number)
