"""What tests of the cache share: executions of a flow in one store, and what ran in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kitaru.core.journal import Returned
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Completed
from tests.laws.kit import Bench

#: What ran since the last execution began, in order.
RAN: Final[list[UserValue]] = []


def first(flow: Callable[..., UserValue], *, caches: bool = True) -> Bench:
    """Return an execution that ran the flow with nothing to find."""
    RAN.clear()
    bench = Bench(flow, caches=caches)
    assert isinstance(bench.attempt(), Completed)
    return bench


def after(
    bench: Bench, flow: Callable[..., UserValue] | None = None, *, caches: bool = True, later: float = 0.0
) -> Bench:
    """Return another execution of the flow in the same store, finished `later` seconds after."""
    bench.clock.advance(later)
    other = Bench(flow or bench.flow, store=bench.store, clock=bench.clock, caches=caches)
    RAN.clear()
    assert isinstance(other.attempt(), Completed)
    return other


def returned(bench: Bench) -> list[Returned]:
    """Return what the calls returned, in order."""
    return [call.outcome for call in bench.history().calls.values() if isinstance(call.outcome, Returned)]


def named(name: str, function: Callable[..., UserValue]) -> Callable[..., UserValue]:
    """Return the function under another name: as the body of the flow that is called so."""
    function.__name__ = name
    return function


def work(key: str) -> str:
    """Do it."""
    RAN.append(key)
    return key
