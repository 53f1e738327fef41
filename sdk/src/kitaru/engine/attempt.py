"""One attempt at an execution, from its fence to its end record.

`inner` runs the body once and gives what came of it as data; `run` owns the ports: it opens the
journal, has the body run, and writes the record that ends the attempt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from kitaru.core import failures, inputs, journal, retrying, values
from kitaru.core.capture import Capture
from kitaru.core.failures import Releases
from kitaru.core.journal import Failure
from kitaru.core.protocol import waiting
from kitaru.core.tagged import UserValue
from kitaru.engine import context, endings, keyboard, limits, loops, replaying, resting, trying, work
from kitaru.engine.context import Scope
from kitaru.engine.endings import Ending, Reason
from kitaru.engine.run import Attempt, Run
from kitaru.engine.world import Closed, Completed, Failed, Interrupted, Job, Outcome, Parked, World
from kitaru.errors import (
    Cancelled,
    FailureOrigin,
    Fenced,
    KitaruBackendError,
    KitaruContextError,
    KitaruDivergenceError,
    KitaruRuntimeError,
    KitaruSerializationError,
    Suspended,
)
from kitaru.ports import Opened

__all__ = [
    "Closed",
    "Completed",
    "Failed",
    "Interrupted",
    "Job",
    "Outcome",
    "Parked",
    "World",
    "fail",
    "run",
]

_SWALLOWED: Final = (
    "The body of flow {} caught kitaru.errors.Suspended, by which an attempt ends at a wait, and went "
    "on. Replace its bare `except:` or `except BaseException:` by `except Exception:`."
)


@dataclass(frozen=True, slots=True)
class _Returned:
    """The body returned."""

    value: UserValue


@dataclass(frozen=True, slots=True)
class _Raised:
    """The body raised."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class _Ended:
    """The attempt ended under the body; `swallowed` when the body then did not end as it was told."""

    ending: Ending
    swallowed: bool
    error: BaseException | None


_BodyEnd: TypeAlias = _Returned | _Raised | _Ended


def run(world: World, job: Job) -> Outcome:
    """Make one attempt and return how it ended.

    Blocks; the body runs in this thread. What user code raises is an outcome, never raised.
    """
    outcome = _attempt(world, job)
    world.telemetry.flush()
    if world.cache is not None:
        world.cache.flush()
    return outcome


def fail(world: World, failure: Failure) -> Outcome:
    """Make an attempt that fails without running anything: the flow cannot be loaded."""
    opened = world.journal.open()
    if not isinstance(opened, Opened):
        return Closed(why=opened.why, head=opened.head)
    record = journal.Failed(failure=failure, at=world.clock.now())
    with Capture(BaseException) as caught:
        world.journal.append([record])
    world.telemetry.flush()
    if caught.error is not None:
        return _lost(world, endings.lost(caught.error))
    return Failed(failure=failure, head=world.journal.head())


def _attempt(world: World, job: Job) -> Outcome:
    opened = world.journal.open()
    if not isinstance(opened, Opened):
        return Closed(why=opened.why, head=opened.head)
    attempt = Attempt(world, job, opened)
    stop_watch = limits.watch(attempt)
    outcome = _unreadable(attempt)
    while outcome is None:
        end = inner(attempt)
        if attempt.published:
            world.telemetry.flush()
        with Capture(Suspended, Cancelled, Fenced, KitaruSerializationError) as caught:
            outcome = _conclude(attempt, end)
        if isinstance(caught.error, KitaruSerializationError):
            outcome = _failed(attempt, failures.describe(caught.error, FailureOrigin.RUNTIME))
        elif caught.error is not None and attempt.ending is not None:
            outcome = _interrupted(attempt, attempt.ending)
    stop_watch()
    # A call that still runs, in a thread that nobody can stop, must not write after the end.
    attempt.commits.close(Cancelled("the attempt is over"))
    return outcome


def _unreadable(attempt: Attempt) -> Outcome | None:
    """Read what a replay replays; the outcome of an attempt that cannot, else None."""
    with Capture(Suspended, Cancelled, Fenced, KitaruRuntimeError) as caught:
        replaying.load(attempt)
    if isinstance(caught.error, KitaruRuntimeError):
        return _failed(attempt, failures.describe(caught.error, FailureOrigin.RUNTIME))
    if caught.error is not None and attempt.ending is not None:
        return _interrupted(attempt, attempt.ending)
    return None


def inner(attempt: Attempt) -> _BodyEnd:
    """Run the flow's body once, from its first line, and return what came of it."""
    with Capture(Suspended, Cancelled, Fenced):
        _rest(attempt)
    if attempt.ending is not None:
        return _Ended(attempt.ending, swallowed=False, error=None)
    body = Run(attempt)
    attempt.wake = body.notify
    value: UserValue = None
    with Capture(BaseException) as caught:
        value = _body(body)
        body.returned()
    attempt.left = body.left()
    body.close()
    loops.close_side(body)
    if caught.error is not None and keyboard.is_ctrl_c(attempt.world, caught.error):
        raise caught.error
    if attempt.ending is not None:
        suspended = isinstance(caught.error, Suspended)
        _report(body, attempt.ending, caught.error)
        return _Ended(attempt.ending, swallowed=not suspended, error=caught.error)
    return _Returned(value) if caught.error is None else _Raised(caught.error)


def _body(body: Run) -> UserValue:
    attempt = body.attempt
    flow = attempt.job.flow
    bound = inputs.bind_inputs(flow, attempt.job.inputs)
    function = partial(flow.function, *bound.args, **bound.kwargs)
    if flow.is_async:
        return loops.run_body(body, function)
    with context.entered(Scope(body)):
        try:
            return _called(attempt, function)
        finally:
            # Calls that nobody waits for end with the body.
            while body.running and attempt.ending is None:
                body.await_change(None)
            body.over = True


def _called(attempt: Attempt, function: Callable[[], UserValue]) -> UserValue:
    try:
        value = function()
    except BaseException as error:
        attempt.world.back(error)
        raise
    attempt.world.back(None)
    return value


def _conclude(attempt: Attempt, end: _BodyEnd) -> Outcome | None:
    """Write what the body's end means; None: the body runs again."""
    match end:
        case _Returned(value):
            return _completed(attempt, value)
        case _Raised(error):
            return _raised(attempt, error)
        case _Ended(ending, swallowed, error):
            if ending.reason is Reason.DIVERGED:
                return _diverged(attempt, ending)
            if ending.reason is Reason.TIMED_OUT:
                return _timed_out(attempt)
            if ending.reason is not Reason.SUSPENDED:
                return _interrupted(attempt, ending)
            if not swallowed:
                return _parked(attempt)
            return _swallowed(attempt, error)


def _completed(attempt: Attempt, value: UserValue) -> Outcome | None:
    try:
        encoded = values.encode(value, f"{attempt.job.flow.name} → result")
    except KitaruSerializationError as error:
        failures.mark(error, origin=FailureOrigin.RUNTIME)
        return _raised(attempt, error)
    uploads = work.uploaded(attempt, encoded)
    work.upload(attempt, uploads)
    record = journal.Completed(value=work.kept(encoded, uploads), at=attempt.now(), left=attempt.left)
    attempt.commit(record)
    attempt.lines.event("completed", f"{attempt.job.flow.name} completed")
    return Completed(value=record.value, head=attempt.world.journal.head())


def _raised(attempt: Attempt, error: BaseException) -> Outcome | None:
    """Run the body again when the flow has a retry left, else fail."""
    failure = failures.describe(error)
    number, now = attempt.history.retried + 1, attempt.now()
    retry = attempt.job.retry
    chance = retrying.chance(attempt.world.ids.new()) if retry.jitter else 0.5
    delay = retrying.decide(retry, number, error, now, chance)
    if delay is None:
        return _failed(attempt, failure)
    again = _releases(attempt, failure)
    attempt.commit(
        journal.Retried(
            number=number,
            failure=failure,
            releases=again.calls,
            asks=again.waits,
            delay=delay,
            at=now,
        )
    )
    attempt.lines.failure(f"{attempt.job.flow.name} failed, retry {number} of {retry.limit}", failure)
    return None


def _releases(attempt: Attempt, failure: Failure) -> Releases:
    history = attempt.history
    return failures.releases(failure, history.failed(), history.expired(), history.answered())


def _failed(attempt: Attempt, failure: Failure) -> Outcome:
    again = _releases(attempt, failure)
    record = journal.Failed(
        failure=failure, releases=again.calls, asks=again.waits, at=attempt.now(), left=attempt.left
    )
    attempt.commit(record, last=True)
    attempt.lines.failure(f"{attempt.job.flow.name} failed", failure)
    return Failed(failure=failure, head=attempt.world.journal.head())


def _diverged(attempt: Attempt, ending: Ending) -> Outcome:
    """Fail the replay. A retry of it makes no failed call again: none of them is the reason."""
    failure = failures.describe(KitaruDivergenceError(ending.why), FailureOrigin.DIVERGENCE)
    attempt.commit(journal.Failed(failure=failure, at=attempt.now(), left=attempt.left))
    attempt.lines.failure(f"{attempt.job.flow.name} failed", failure)
    return Failed(failure=failure, head=attempt.world.journal.head())


def _timed_out(attempt: Attempt) -> Outcome:
    """Fail at once: the time is up for all of the flow's own retries. Calls that were given up write nothing more."""
    return _failed(attempt, limits.failure(attempt))


def _rest(attempt: Attempt) -> None:
    """Let the pause before one of the flow's own retries pass, also what an earlier attempt left of it."""
    again = attempt.history.again
    if again is not None:
        trying.pause(attempt, retrying.remaining(again.delay, again.at, attempt.now()))


def _report(body: Run, ending: Ending, error: BaseException | None) -> None:
    """Report a `def` body that caught what ends it, and went on."""
    told = body.told or ending.reason is Reason.SUSPENDED
    if told and not isinstance(error, Suspended | Cancelled | Fenced):
        what, then = ending.exception(), "returned" if error is None else f"raised {type(error).__name__}"
        name = body.attempt.job.flow.name
        body.attempt.lines.swallowed(f"flow {name}", f"kitaru.errors.{type(what).__name__}", then)


def _swallowed(attempt: Attempt, error: BaseException | None) -> Outcome:
    problem = KitaruContextError(_SWALLOWED.format(attempt.job.flow.name))
    problem.__cause__ = error
    return _failed(attempt, failures.describe(problem))


def _parked(attempt: Attempt) -> Outcome | None:
    """Park, unless an answer came while the body cleaned up: then it runs again."""
    ports = attempt.world
    head = ports.journal.head()
    match waiting.rest(head, resting.decisions(attempt), stays=False, now=attempt.now()):
        case waiting.Aborted(wait):
            return _interrupted(attempt, resting.aborted(wait))
        case waiting.Took(records):
            attempt.reopen()
            attempt.commit(*records)
            return None
        case waiting.Announce() | waiting.Stay() | waiting.Park():
            attempt.commit(journal.Parked(at=attempt.now(), left=attempt.left))
            attempt.lines.event("parked", f"{attempt.job.flow.name} waits for an answer")
            return Parked(waits=head.waits, head=ports.journal.head())


def _interrupted(attempt: Attempt, ending: Ending) -> Outcome:
    if ending.reason is Reason.STOPPED:
        # What waits for a slot to ride in: the beginnings of calls, whose ids stay theirs.
        with Capture(Suspended, Cancelled, Fenced):
            attempt.commit()
        ending = attempt.ending or ending
    if ending.reason is Reason.LOST:
        return _lost(attempt.world, ending)
    return Interrupted(why=ending.why, head=attempt.world.journal.head())


def _lost(world: World, ending: Ending) -> Outcome:
    """Return the outcome of losing the journal; what no port raises is raised on."""
    head = world.journal.head()
    if isinstance(ending.error, Fenced):
        return Closed(why=ending.why, head=head)
    if isinstance(ending.error, KitaruBackendError):
        return Interrupted(why=ending.why, head=head)
    raise ending.error or RuntimeError(ending.why)
