"""Waits: how the body asks the outside world."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from pydantic import JsonValue

from kitaru.core import failures, history, names, questions, values
from kitaru.core.history import Wait
from kitaru.core.journal import Answered, Value, WaitOpened
from kitaru.core.matching import Asked, Known
from kitaru.core.questions import Question
from kitaru.core.tagged import UserValue
from kitaru.engine import context, futures, replaying, resting, work
from kitaru.engine.futures import Future
from kitaru.engine.replayed import Decided
from kitaru.engine.run import Attempt, Pending, Run
from kitaru.errors import (
    FailureOrigin,
    KitaruContextError,
    KitaruWaitExpiredError,
    KitaruWaitValidationError,
)

_INSIDE: Final = "A checkpoint cannot wait for an answer: wait in the flow's body, between checkpoints."
_OUTSIDE: Final = "kitaru.wait() can only be called inside a @flow."


@dataclass(frozen=True, slots=True, kw_only=True)
class Default:
    """What a wait returns when its deadline passes. None of it and a default of None differ."""

    value: UserValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What the body asks for. `seconds` is how long a runner stays, None for what the stack says."""

    schema: UserValue
    name: str
    question: str | None = None
    metadata: Mapping[str, JsonValue] | None = None
    seconds: float | None = None
    deadline: datetime | timedelta | None = None
    default: Default | None = None


def ask(inquiry: Inquiry) -> Future[UserValue]:
    """Open the wait, or find it in the history, and return the future of its answer."""
    scope = context.scope(_OUTSIDE, _INSIDE)
    run = scope.run
    name = names.check_name("wait", inquiry.name)
    question = Question(name, inquiry.schema)
    asked = None if inquiry.question is None else questions.check_text(f"wait {name}: question", inquiry.question)
    now = run.attempt.now()
    deadline = inquiry.deadline
    opened = WaitOpened(
        wait=name,
        name=name,
        scope=scope.path,
        occurrence=scope.place(name).occurrence,
        at=now,
        question=asked,
        schema=question.text,
        metadata=questions.check_metadata(f"wait {name}: metadata", inquiry.metadata),
        deadline=now + deadline if isinstance(deadline, timedelta) else deadline,
        head=run.attempt.commits.next,
    )
    wait = _open(run, opened, inquiry.default)
    inner: concurrent.futures.Future[UserValue] = concurrent.futures.Future()
    seconds = run.attempt.job.stay if inquiry.seconds is None else inquiry.seconds
    run.pending[wait.id] = Pending(
        wait=wait.id,
        seconds=seconds,
        read=partial(_outcome, run.attempt, question),
        future=inner,
    )
    if not wait.finished:
        resting.look(run)
    resting.deliver(run)
    return Future(run, inner, futures.known(wait.id))


def ask_and_block(inquiry: Inquiry) -> UserValue:
    """Ask, and return the answer; in a `def` body only."""
    scope = context.scope(_OUTSIDE, _INSIDE)
    if scope.run.loop is not None:
        message = f"In an async flow a wait is awaited: await kitaru.wait.submit(name={inquiry.name!r}, ...)."
        raise KitaruContextError(message)
    return ask(inquiry).result()


def _open(run: Run, opened: WaitOpened, default: Default | None) -> Wait:
    attempt = run.attempt
    place = history.place_of(opened)
    inputs = history.question(opened)
    found = run.match_wait(Asked(place=place, inputs=inputs))
    if isinstance(found, Known):
        if found.differs:
            attempt.lines.event("differs", f"wait {found.entry.id} asks something else than it did")
        return attempt.history.waits[found.entry.id]
    kept = None if default is None else _keep(attempt, opened.name, default)
    if isinstance(found, Decided):
        record = history.renamed(opened, found.new.id, kept, replays=found.replays)
        answered = replaying.decided(attempt, record, found)
        # In one slot: once it is open in the log, anybody could answer it.
        attempt.commit(record, *([] if answered is None else [answered]))
        return attempt.history.waits[record.wait]
    attempt.commit(history.renamed(opened, found.id, kept))
    return attempt.history.waits[found.id]


def _keep(attempt: Attempt, name: str, default: Default) -> Value:
    encoded = values.encode(default.value, f"{name} → default")
    uploads = work.uploaded(attempt, encoded)
    work.upload(attempt, uploads)
    return work.kept(encoded, uploads)


def _outcome(attempt: Attempt, question: Question, wait: Wait) -> UserValue:
    """Return what the wait returns by the history, or raise what it raises."""
    if isinstance(wait.decision, Answered):
        try:
            return question.read(wait.decision.value)
        except KitaruWaitValidationError as error:
            # So that a retry asks again: this answer would fail it for ever.
            failures.mark(error, wait=wait.id)
            raise
    if wait.opened.default is not None:
        return work.loaded(attempt, wait.opened.default)
    message = f"Nobody answered wait {wait.id} by its deadline, {wait.opened.deadline}."
    error = KitaruWaitExpiredError(message, wait=wait.id)
    failures.mark(error, wait=wait.id, origin=FailureOrigin.RUNTIME)
    raise error
