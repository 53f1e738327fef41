"""The time limit of a flow: how long it may run, over all its attempts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kitaru.core import failures
from kitaru.core.journal import Failure
from kitaru.engine.endings import Ending, Reason
from kitaru.engine.run import Attempt
from kitaru.errors import FailureOrigin, KitaruTimeoutError

#: Seconds between two looks at the least: while the runner stays for an answer, no time is spent.
_LOOK: Final = 0.25


def watch(attempt: Attempt) -> Callable[[], None]:
    """End the attempt when its flow has run for longer than it may; return what ends the watch."""
    limit = attempt.job.time_limit
    if limit is None:
        return _nothing
    return _Watch(attempt, limit).stop


def failure(attempt: Attempt) -> Failure:
    """Return how a flow fails whose time is up."""
    limit = attempt.job.time_limit or 0.0
    message = f"{attempt.job.flow.name} ran longer than its timeout of {limit:g} s, waiting not counted."
    return failures.describe(KitaruTimeoutError(message, timeout=limit), FailureOrigin.RUNTIME)


class _Watch:
    """Looks whenever the time could be up: what was spent by then is known from the journal alone."""

    def __init__(self, attempt: Attempt, limit: float) -> None:
        self._attempt = attempt
        self._limit = limit
        self._cancel = _nothing
        self._stopped = False
        self._look(0.0)

    def stop(self) -> None:
        self._stopped = True
        self._cancel()

    def _rung(self) -> None:
        self._look(_LOOK)

    def _look(self, pause: float) -> None:
        attempt = self._attempt
        left = self._limit - attempt.history.running.spent(attempt.now())
        if self._stopped:
            return
        if left <= 0:
            attempt.end(Ending(reason=Reason.TIMED_OUT, why=f"the flow's timeout of {self._limit:g} s is over"))
        else:
            self._cancel = attempt.world.clock.alarm(max(left, pause), self._rung)


def _nothing() -> None:
    pass
