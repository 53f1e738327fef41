"""Journals in which an attempt can be made to die, at a record of the test's choice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from kitaru import ports
from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer, Expiry, Raised, Record, Returned
from kitaru.errors import Fenced
from kitaru.ports import Journal

#: Says of records that are about to be committed together whether the process dies: before, after, or (None) not.
Death: TypeAlias = Callable[[Sequence[Record]], bool | None]


@dataclass(slots=True)
class Crashes:
    """Where attempts are to die. Each happens once."""

    deaths: list[Death] = field(default_factory=list[Death])
    guard: threading.Lock = field(default_factory=threading.Lock)

    def before(self, call: str) -> None:
        """Die before the outcome of the call is committed."""
        self.deaths.append(lambda records: False if _ends(call, records) else None)

    def after(self, call: str) -> None:
        """Die after it."""
        self.deaths.append(lambda records: True if _ends(call, records) else None)

    def ask(self, records: Sequence[Record]) -> bool | None:
        """Return whether to die now: False before the commit, True after it, None not at all."""
        with self.guard:
            for death in self.deaths:
                when = death(records)
                if when is not None:
                    self.deaths.remove(death)
                    return when
        return None


class CrashingJournal:
    """The Journal port of an attempt that may die. What it does after its death has no effect.

    To user code a death looks like being replaced by a newer attempt, so that `finally` blocks of the body run, and
    every Kitaru call in them is refused. A real crash runs nothing.
    """

    def __init__(self, journal: Journal, crashes: Crashes) -> None:
        self._journal = journal
        self._crashes = crashes
        self._dead = False

    def open(self) -> ports.Opened | ports.Closed:
        """Open the journal."""
        return self._journal.open()

    def append(self, records: Sequence[Record]) -> int:
        """Commit the records, unless the attempt dies before or after. Raises `Fenced` from then on."""
        if self._dead:
            raise Fenced(_DEAD)
        when = self._crashes.ask(records)
        if when is False:
            self._dead = True
            raise Fenced(_DEAD)
        slot = self._journal.append(records)
        if when:
            self._dead = True
            raise Fenced(_DEAD)
        return slot

    def decision(self, wait: str) -> Answer | Abort | Expiry | None:
        """Return what was decided for a wait."""
        if self._dead:
            raise Fenced(_DEAD)
        return self._journal.decision(wait)

    def head(self) -> Head:
        """Return the head of the log."""
        return self._journal.head()


_DEAD = "The process died here, as the test asked."


def _ends(call: str, records: Sequence[Record]) -> bool:
    return any(isinstance(record, Returned | Raised) and record.call == call for record in records)
