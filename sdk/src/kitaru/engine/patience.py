"""Trying again while the store is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from kitaru.errors import StoreUnavailableError
from kitaru.ports import Clock

T = TypeVar("T")

#: Seconds before each further try: half a minute in all.
_PAUSES: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


def reach(clock: Clock, request: Callable[[], T]) -> T:
    """Make a request that may be made twice, until it has an answer.

    Raises `StoreUnavailableError` when the store stays away.
    """
    for pause in _PAUSES:
        try:
            return request()
        except StoreUnavailableError:
            clock.sleep(pause)
    return request()
