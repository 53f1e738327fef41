"""Staying for an answer: what an attempt does in this process while only an answer can move it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

from kitaru.core.head import OpenWait
from kitaru.errors import KitaruError, KitaruStateError, KitaruUsageError
from kitaru.local import decisions
from kitaru.local.site import Site
from kitaru.local.terminal import Busy, Heard, Question

#: Seconds between looks at the store, where another process may have stored an answer.
_POLL: Final = 0.25


class Stay:
    """The stay of one attempt: the `stay` of the engine's `World`.

    `bell` is set by whoever knows in this process that there may be something new; `leaving` says
    that the interpreter exits, when nothing but the terminal may keep an attempt.
    """

    def __init__(
        self,
        site: Site,
        exec_id: str,
        flow: str,
        bell: threading.Event,
        leaving: Callable[[], bool],
    ) -> None:
        self._site = site
        self._exec_id = exec_id
        self._flow = flow
        self._bell = bell
        self._leaving = leaving

    def __call__(self, waits: Sequence[OpenWait], seconds: float) -> bool:
        """Return after a while, or as soon as an answer may be there; False to park at once."""
        if any(decisions.expire(self._site, self._exec_id, wait) for wait in waits):
            return True
        if any(self._scripted(wait) for wait in waits):
            return True
        pause = min(_POLL, max(0.0, seconds))
        if self._asked(waits[0], pause):
            return True
        if self._leaving():
            return False
        if self._bell.wait(pause):
            self._bell.clear()
        return True

    def _scripted(self, wait: OpenWait) -> bool:
        """Whether a script answered the wait now."""
        script = self._site.script
        given = None if script is None else script.answer(wait)
        if script is None or given is None:
            return False
        try:
            decisions.answer(self._site, self._exec_id, wait.id, given.value)
        except KitaruError as error:
            script.refused(wait, error)
            return False
        return True

    def _asked(self, wait: OpenWait, pause: float) -> bool:
        """Have the oldest question on the terminal for a while; whether it stands there."""
        terminal = self._site.terminal
        question = Question(self._exec_id, self._flow, wait)
        reply = terminal.ask(question, pause)
        if isinstance(reply, Heard):
            try:
                decisions.answer(self._site, self._exec_id, wait.id, reply.value)
            except KitaruStateError:
                terminal.leave(self._exec_id, waiting=False)  # somebody else was faster
            except KitaruUsageError as error:
                terminal.refuse(question, str(error))
            else:
                terminal.heard(question)
        return not isinstance(reply, Busy)
