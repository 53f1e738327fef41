"""Deciding waits on the local stack: answers, aborts and expiries, each stored once, first wins."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, assert_never

from pydantic import JsonValue

from kitaru.backends import log
from kitaru.core import schemas
from kitaru.core.head import Head, OpenWait
from kitaru.core.journal import Abort, Answer, Expiry
from kitaru.core.protocol import verdicts
from kitaru.core.protocol.requests import PutDecision, ReadDecision
from kitaru.core.protocol.verdicts import Accepted, Pending, Reason, Rejected, Request, Verdict
from kitaru.errors import KitaruStateError, KitaruWaitValidationError
from kitaru.local.site import Site

#: An answer that was made before the deadline is in time although it is stored a little later.
_MARGIN: Final = timedelta(seconds=2)


def answer(site: Site, exec_id: str, wait: str, value: JsonValue) -> None:
    """Store an answer. Raises as the Executions port says."""
    head = _head(site, exec_id)
    open_wait = head.open_wait(wait)
    misfit = None if open_wait is None else schemas.problem(open_wait.schema, value)
    decision = Answer(request=site.ids.new(), value=value, at=site.clock.now(), answered_by=site.user)
    request = Request(wait=wait, decision=decision, misfit=misfit)
    _raise_unless_accepted(request, head, _judged(site, exec_id, request, head))


def abort(site: Site, exec_id: str, wait: str) -> None:
    """Store an abort. The caller ends the execution next. Raises as the Executions port says."""
    head = _head(site, exec_id)
    decision = Abort(request=site.ids.new(), at=site.clock.now(), answered_by=site.user)
    request = Request(wait=wait, decision=decision)
    verdict = _judged(site, exec_id, request, head)
    if verdict != Pending(verdicts.Held.STORED):
        _raise_unless_accepted(request, head, verdict)


def of_open_waits(site: Site, exec_id: str, head: Head) -> dict[str, Answer | Abort | Expiry]:
    """Return what was decided for the waits that are open in `head`, by wait id."""
    found = {one.id: log.read_decision(site.store, site.paths(exec_id), one.id) for one in head.waits}
    return {wait: decision for wait, decision in found.items() if decision is not None}


def expire(site: Site, exec_id: str, wait: OpenWait) -> bool:
    """Store the wait's expiry if its deadline is over; return whether it is decided now."""
    now = site.clock.now()
    if wait.deadline is None or now < wait.deadline + _MARGIN:
        return False
    # Answers are stored at once here, so there is no request to look for first (rule 28b).
    log.store_decision(site.store, site.paths(exec_id), wait.id, Expiry(at=now))
    return True


def _head(site: Site, exec_id: str) -> Head:
    return log.read_head(site.store, site.paths(exec_id), width=1)


def _judged(site: Site, exec_id: str, request: Request, head: Head) -> Verdict:
    where = site.paths(exec_id)
    match verdicts.judge(request, head):
        case Rejected() as verdict:
            return verdict
        case ReadDecision():
            held = log.read_decision(site.store, where, request.wait)
        case PutDecision():
            held = log.store_decision(site.store, where, request.wait, request.decision)
    return verdicts.settle(request, head, held)


def _raise_unless_accepted(request: Request, head: Head, verdict: Verdict) -> None:
    match verdict:
        case Accepted():
            return
        case Rejected(Reason.MISFIT):
            message = f"The answer to {request.wait!r} does not fit: {request.misfit}"
            raise KitaruWaitValidationError(message)
        case Rejected(reason):
            message = f"The request for {request.wait!r} came too late: {reason}."
        case Pending():
            opened = ", ".join(one.id for one in head.waits) or "none"
            message = f"There is no open wait {request.wait!r} (open: {opened}): wait until it is asked."
        case _:
            assert_never(verdict)
    raise KitaruStateError(message)
