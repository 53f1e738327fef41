"""Answers of people, as the protocol sees them: which need a verdict now, which were told and can go. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from kitaru.core import plain, schemas
from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer
from kitaru.core.protocol.verdicts import Request
from kitaru.core.resources import model
from kitaru.core.resources.answer import AnswerPhase, KitaruAnswer
from kitaru.core.resources.conditions import Reason
from kitaru_operator.observed import Observed
from kitaru_operator.plan import Judge, Refuse, RemoveAnswer

#: How long a decided answer can still be read.
KEPT: Final = timedelta(minutes=10)
_VERDICTS: Final = frozenset({AnswerPhase.ACCEPTED, AnswerPhase.REFUSED})


def is_decided(answer: KitaruAnswer) -> bool:
    """Whether it has its verdict; a verdict is written once (rule 29)."""
    return answer.status.phase in _VERDICTS


def verdicts(observed: Observed, now: datetime) -> tuple[Judge | Refuse, ...]:
    """Return what to do about each request without a verdict, the oldest first."""
    pending = sorted(observed.requests, key=lambda one: (made_at(one, now), one.metadata.uid))
    return tuple(_verdict(one, observed, now) for one in pending)


def _verdict(answer: KitaruAnswer, observed: Observed, now: datetime) -> Judge | Refuse:
    why = observed.unread.get(answer.metadata.uid)
    if why is not None:
        return Refuse(answer, Reason.BLOB_NOT_FOUND, f"valueRef: {why}")
    taken = plain.size(answer.spec.value)
    if taken > model.INLINE_LIMIT and answer.spec.value_ref is None:
        message = f"value: {taken} bytes of JSON, and at most {model.INLINE_LIMIT} are taken."
        return Refuse(answer, Reason.TOO_LARGE, message)
    return Judge(answer, request(answer, observed.head, now))


def request(answer: KitaruAnswer, head: Head, now: datetime) -> Request:
    """Return the request with what the wait's own recorded schema says to it (rule 28)."""
    spec = answer.spec
    wait = next((one for one in head.waits if one.id == spec.wait), None)
    at = made_at(answer, now)
    identity = answer.metadata.uid
    if spec.abort:
        return Request(
            wait=spec.wait,
            decision=Abort(request=identity, at=at, answered_by=spec.answered_by),
        )
    return Request(
        wait=spec.wait,
        decision=Answer(request=identity, value=spec.value, at=at, answered_by=spec.answered_by),
        misfit=None if wait is None else schemas.problem(wait.schema, spec.value),
    )


def made_at(answer: KitaruAnswer, now: datetime) -> datetime:
    """Return when the request was made, by the API server's clock."""
    return answer.metadata.creation_timestamp or now


def removals(decided: Iterable[KitaruAnswer], now: datetime) -> tuple[RemoveAnswer, ...]:
    """Return the answers that were decided long enough ago."""
    return tuple(RemoveAnswer(one.metadata.name, one.metadata.uid) for one in decided if now >= _told(one) + KEPT)


def next_removal(decided: Iterable[KitaruAnswer]) -> datetime | None:
    """Return when the next decided answer is to go."""
    return min((_told(one) + KEPT for one in decided), default=None)


def _told(answer: KitaruAnswer) -> datetime:
    told = answer.status.decided_at or answer.metadata.creation_timestamp
    return told or datetime.fromtimestamp(0, UTC)
