"""Flows whose checkpoints fail until a test repairs what they need."""

import kitaru
from tests.e2e.flows import effects


class QuotaExceededError(Exception):
    """An exception with a constructor of its own."""

    def __init__(self, used: int, limit: int) -> None:
        super().__init__(f"used {used} of {limit}")
        self.used = used
        self.limit = limit


@kitaru.checkpoint
def prepare() -> int:
    """Say how much is wanted."""
    effects.happen("prepare")
    return 12


@kitaru.checkpoint
def spend(amount: int) -> str:
    """Raise an exception until the test has paid."""
    effects.happen("spend")
    if not effects.is_open("paid"):
        raise QuotaExceededError(amount, 10)
    return f"spent {amount}"


@kitaru.checkpoint
def borrow(amount: int) -> str:
    """Take the other way."""
    effects.happen("borrow")
    return f"borrowed {amount}"


@kitaru.flow
def paying() -> str:
    """Fail while the quota is used up."""
    return spend(prepare())


@kitaru.flow
def careful() -> str:
    """Catch the failure, go another way, and ask before going on."""
    amount = prepare()
    try:
        done = spend(amount)
    except QuotaExceededError as error:
        done = f"{borrow(error.used - error.limit)} of {error.used}"
    kitaru.wait(name="go")
    return done
