"""What becomes of a request to answer or abort a wait (rules 26 to 29).

A request is judged in two steps, because the conditional put judges, not the log: `judge` says at
once, or names the one request to the store that decides; `settle` says what its outcome means.
A request is refused only for a fact that cannot turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, assert_never

from kitaru.core.head import Head, OpenWait, State
from kitaru.core.journal import Abort, Answer, Expiry
from kitaru.core.protocol.requests import PutDecision, ReadDecision


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request for one wait, as its maker sent it.

    `decision` is what is stored if the request wins: its `request` is the request's own id and its
    `at` the moment at which the request was made, by the clock that stamps requests. `misfit` says
    why the value does not fit the schema that the open wait recorded; None if it does.
    """

    wait: str
    decision: Answer | Abort
    misfit: str | None = None


class Reason(StrEnum):
    """Why a request was refused, for good."""

    ANSWERED = "the wait was answered by another request"
    ABORTED = "the wait was aborted"
    EXPIRED = "the wait's deadline passed first"
    LATE = "the request was made after the wait's deadline"
    MISFIT = "the value does not fit the wait's schema"
    OVER = "the execution is over"
    TOO_LATE = "the execution completed before the abort could end it"


class Held(StrEnum):
    """Why a request has no verdict yet."""

    NOT_OPEN = "the wait is not open"
    STORED = "the abort is stored, the execution has not ended yet"


@dataclass(frozen=True, slots=True)
class Accepted:
    """It is this request that decides the wait."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """This request will never count."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Pending:
    """No verdict yet."""

    why: Held


Verdict: TypeAlias = Accepted | Rejected | Pending


@dataclass(frozen=True, slots=True)
class StoreExpiry:
    """Put the expiry of this wait (rule 28b)."""

    wait: str


def judge(request: Request, head: Head) -> Rejected | ReadDecision | PutDecision:
    """Return the verdict, or the request to the store whose outcome `settle` judges.

    A head lists no closed wait, so one that is not open there may be closed already or not open yet
    (rule 26): only what is stored can tell, and so it does once the log is final (rule 27).
    """
    wait = None if head.final else head.open_wait(request.wait)
    if wait is None:
        return ReadDecision(request.wait)
    if wait.deadline is not None and request.decision.at > wait.deadline:
        return Rejected(Reason.LATE)
    if request.misfit is not None:
        return Rejected(Reason.MISFIT)
    return PutDecision(request.wait, request.decision)


def settle(request: Request, head: Head, held: Answer | Abort | Expiry | None) -> Verdict:
    """Return the verdict, given what the store holds for the wait after `judge`'s request.

    `head` is the one that `judge` saw.
    """
    mine = not isinstance(held, Expiry | None) and held.request == request.decision.request
    if not mine:
        return _lost(head, held)
    if isinstance(held, Answer):
        return Accepted()
    return _aborts(head)


def _aborts(head: Head) -> Verdict:
    """Rule 28c: an abort is told nothing until the execution's end shows who was first."""
    match head.state:
        case State.CANCELLED:
            return Accepted()
        case State.COMPLETED:
            return Rejected(Reason.TOO_LATE)
        case State.RUNNING | State.PARKED | State.FAILED:
            return Pending(Held.STORED)
        case _:
            assert_never(head.state)


def _lost(head: Head, held: Answer | Abort | Expiry | None) -> Rejected | Pending:
    match held:
        case Answer():
            return Rejected(Reason.ANSWERED)
        case Abort():
            return Rejected(Reason.ABORTED)
        case Expiry():
            return Rejected(Reason.EXPIRED)
        case None:
            return Rejected(Reason.OVER) if head.final else Pending(Held.NOT_OPEN)
        case _:
            assert_never(held)


def expire(wait: OpenWait, pending: Iterable[Request]) -> Request | StoreExpiry:
    """Return what follows from a wait whose deadline is over and the requests that have no verdict.

    The requests must have been listed live, after the deadline and the margin were over (rule 28b):
    one that was made in time goes first, and is judged in place of the expiry.
    """
    for request in pending:
        in_time = wait.deadline is None or request.decision.at <= wait.deadline
        if request.wait == wait.id and in_time and request.misfit is None:
            return request
    return StoreExpiry(wait.id)
