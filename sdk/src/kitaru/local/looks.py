"""Looking at executions: which there are, what their logs say, and whether somebody runs them."""

from __future__ import annotations

import threading
from typing import Final

from kitaru.backends import log
from kitaru.core import spec
from kitaru.core.head import Head, State
from kitaru.core.phases import Phase
from kitaru.core.spec import Spec
from kitaru.local import decisions, forks
from kitaru.local.site import Site

#: Heads that are remembered.
_KEPT: Final = 64
_DIED: Final = "The process that ran it stopped before the execution ended."


class Looks:
    """What this moment shows of a site's executions. Changes nothing."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._heads = _Heads()

    def resolve(self, exec_id: str) -> str:
        """Return the full id for an id or a unique prefix of one. Raises `LookupError`."""
        if not exec_id or "/" in exec_id:
            raise _unknown(exec_id)
        if self._site.store.head(self._site.paths(exec_id).spec) is not None:
            return exec_id
        root = self._site.paths(exec_id).root
        folder = root.removesuffix(exec_id)
        found: set[str] = set()
        for info in self._site.store.list(root):
            found.add(info.key.removeprefix(folder).partition("/")[0])
            if len(found) > 1:
                message = f"Several executions begin with {exec_id!r}: give more of the id."
                raise LookupError(message)
        if not found:
            raise _unknown(exec_id)
        return found.pop()

    def spec(self, exec_id: str) -> Spec:
        """Return the execution as it was frozen. Raises `LookupError`."""
        body = self._site.store.get(self._site.paths(exec_id).spec)
        if body is None:
            raise _unknown(exec_id)
        return spec.decode(body)

    def head(self, exec_id: str, known: Head | None = None) -> Head:
        """Return the log's head, read on from the one that is known."""
        known = known or self._heads.get(exec_id)
        head = log.read_head(self._site.store, self._site.paths(exec_id), known, width=1)
        self._heads.keep(exec_id, head)
        return head

    def phase(self, exec_id: str, known: Head | None = None) -> tuple[Head, Phase]:
        """Return the log's head, and the phase that it and the execution's lock mean."""
        head = self.head(exec_id, known)
        held = not head.final and self._site.locks.is_held(exec_id)
        if not held and not head.final:
            # Whoever let the lock go wrote its last record before: this look sees it.
            head = self.head(exec_id, head)
        return head, self._phase(exec_id, head, held=held)

    def phase_of(self, exec_id: str, head: Head) -> tuple[Head, Phase]:
        """Return the same as `phase` for a head that was read a moment ago, and read no log unless that is needed."""
        if head.state is State.RUNNING and not head.idle:
            return self.phase(exec_id, head)
        held = not head.final and self._site.locks.is_held(exec_id)
        return head, self._phase(exec_id, head, held=held)

    def reason(self, head: Head, phase: Phase) -> str | None:
        """Return why an execution failed whose log does not say it."""
        return _DIED if phase is Phase.FAILED and head.state is not State.FAILED else None

    def is_decided(self, exec_id: str, *, held: bool = False) -> bool:
        """Whether nobody runs the execution (unless the caller does) and an open wait of it was decided."""
        if not held and self._site.locks.is_held(exec_id):
            return False
        head = self.head(exec_id)
        if not (head.state is State.PARKED or head.idle):
            return False
        return bool(decisions.of_open_waits(self._site, exec_id, head))

    def _phase(self, exec_id: str, head: Head, *, held: bool) -> Phase:
        match head.state:
            case State.COMPLETED:
                return Phase.COMPLETED
            case State.CANCELLED:
                return Phase.CANCELLED
            case State.FAILED:
                return Phase.PENDING if held else Phase.FAILED
            case State.PARKED:
                going = held and decisions.of_open_waits(self._site, exec_id, head)
                return Phase.PENDING if going else Phase.WAITING
            case State.RUNNING:
                if head.idle:
                    return Phase.WAITING
                started = Phase.RUNNING if head.epoch else Phase.PENDING
                return started if held else Phase.FAILED


class _Heads:
    """The heads that were read last, so that whoever looks again and again at a long log reads what is new in it."""

    def __init__(self) -> None:
        self._heads: dict[str, Head] = {}
        self._guard = threading.Lock()
        forks.in_child(self._forked)

    def get(self, exec_id: str) -> Head | None:
        """Return the head of an execution that is not over, as it was."""
        with self._guard:
            return self._heads.get(exec_id)

    def keep(self, exec_id: str, head: Head) -> None:
        """Put the head in the place of an older one. Nothing is kept of an execution that is over."""
        with self._guard:
            self._heads.pop(exec_id, None)
            if not head.final:
                self._heads[exec_id] = head
            if len(self._heads) > _KEPT:
                del self._heads[next(iter(self._heads))]

    def _forked(self) -> None:
        """A thread that is not in the child may hold the guard."""
        self._guard = threading.Lock()


def _unknown(exec_id: str) -> LookupError:
    message = f"There is no execution {exec_id!r} on the local stack."
    return LookupError(message)
