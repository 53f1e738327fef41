"""What the body does while it cannot go on: look at answers, stay for one, or park."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Mapping
from functools import partial
from typing import Final

from kitaru.core.capture import Capture
from kitaru.core.journal import Abort, Answer, Expiry, Idle
from kitaru.core.protocol import waiting
from kitaru.core.tagged import UserValue
from kitaru.engine.endings import Ending, Reason
from kitaru.engine.run import Attempt, Run
from kitaru.errors import KitaruStateError

#: Seconds between two looks at the answers while calls still run.
LOOK: Final = 1.0


class Rest:
    """One rest, from the moment when the body cannot go on until an answer or the park."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._until: float | None = None

    def step(self) -> None:
        """Do the next thing that the protocol asks for; afterwards the body may be able to go on.

        Raises what the body is told when the attempt ends here.
        """
        attempt = self._run.attempt
        head = attempt.world.journal.head()
        stays = self._left() > 0
        match waiting.rest(head, decisions(attempt), stays=stays, now=attempt.now()):
            case waiting.Aborted(wait):
                attempt.end(aborted(wait))
            case waiting.Took(records):
                attempt.commit(*records)
                self._until = None
                deliver(self._run)
            case waiting.Announce():
                attempt.commit(Idle(at=attempt.now()))
            case waiting.Stay():
                if not attempt.world.stay(head.waits, self._left()):
                    self._until = attempt.world.clock.monotonic()
            case waiting.Park():
                attempt.end(Ending(reason=Reason.SUSPENDED, why=_PARKED))
        attempt.check()

    def _left(self) -> float:
        now = self._run.attempt.world.clock.monotonic()
        if self._until is None:
            self._until = now + max((one.seconds for one in self._run.pending.values()), default=0)
        return self._until - now


def block(run: Run, inner: concurrent.futures.Future[UserValue]) -> None:
    """Return when `inner` is done; in the thread of a `def` body.

    Raises what the body is told when the attempt ends meanwhile.
    """
    inner.add_done_callback(lambda _: run.notify())
    rest = Rest(run)
    while not inner.done():
        run.check()
        if run.running:
            # What a call brings may be what we wait for; an answer may be there as well.
            run.await_change(LOOK if run.pending else None)
            rest = Rest(run)
            if run.pending:
                look(run)
        elif run.pending:
            rest.step()
        elif not inner.done():
            raise KitaruStateError(_STUCK)


def look(run: Run) -> None:
    """Take the answers that are there (rule 10 of the journal protocol)."""
    attempt = run.attempt
    found = decisions(attempt)
    if not found:
        return
    match waiting.take(found, attempt.now()):
        case waiting.Aborted(wait):
            attempt.end(aborted(wait))
            attempt.check()
        case waiting.Took(records):
            attempt.commit(*records)
            deliver(run)


def decisions(attempt: Attempt) -> Mapping[str, Answer | Abort | Expiry]:
    """Return what was decided for the open waits of the log, all of them, by wait id."""
    journal = attempt.world.journal
    found = {one.id: attempt.reach(partial(journal.decision, one.id)) for one in journal.head().waits}
    return {wait: decision for wait, decision in found.items() if decision is not None}


def deliver(run: Run) -> None:
    """Give the answers that the history has by now to whoever waits for them."""
    for pending in tuple(run.pending.values()):
        wait = run.attempt.history.waits[pending.wait]
        if wait.finished:
            del run.pending[pending.wait]
            with Capture(Exception) as caught:
                pending.future.set_result(pending.read(wait))
            if caught.error is not None:
                pending.future.set_exception(caught.error)


def aborted(wait: str) -> Ending:
    """Return the ending of an attempt that met an abort: whoever stored it ends the execution."""
    return Ending(reason=Reason.ABORTED, why=f"wait {wait} was aborted")


_PARKED: Final = (
    "The execution waits for an answer and this attempt is over. Never catch this exception: let "
    "`except` clauses name what they catch, at most `Exception`."
)
_STUCK: Final = "Nothing can bring this result any more: neither a call nor a wait is open."
