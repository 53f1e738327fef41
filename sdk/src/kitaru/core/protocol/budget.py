"""How often and how fast lost pods are replaced (rule 25)."""

from __future__ import annotations

from typing import Final

from kitaru.core.head import Head

#: Attempts in a row that may be lost without having committed anything.
BUDGET: Final = 10
#: The longest time between two attempts, in seconds.
LONGEST: Final = 60.0


def lost(attempt: int, head: Head) -> int:
    """Return how many attempts in a row, up to `attempt`, committed nothing but their fence."""
    return max(0, attempt - head.worked)


def spent(count: int) -> bool:
    """Return whether so many lost attempts are too many."""
    return count > BUDGET


def delay(count: int) -> float:
    """Return the seconds to wait before the next attempt after `count` lost ones: 0, 1, 2, 4 … 60."""
    return 0.0 if count <= 0 else min(LONGEST, 2.0 ** min(count - 1, 16))
