"""One call, from its match in the history to its outcome in the journal."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from inspect import BoundArguments
from types import TracebackType
from typing import Final, Self

from kitaru.core import failures, hashing, retrying, values
from kitaru.core.definitions import CheckpointDefinition
from kitaru.core.history import Call, Place
from kitaru.core.journal import Failure, Raised, Returned, Saved, Tried, Value
from kitaru.core.matching import Asked, Known
from kitaru.core.tagged import UserValue
from kitaru.core.values import Encoded
from kitaru.engine import beginnings, context, keyboard, replaying
from kitaru.engine.context import Frame
from kitaru.engine.replayed import Decided, FoundCall
from kitaru.engine.run import Attempt, Run
from kitaru.errors import (
    Cancelled,
    FailureOrigin,
    Fenced,
    KitaruSerializationError,
    KitaruTimeoutError,
    Suspended,
)

#: What is no outcome of a call, but the end of the attempt.
_PASSING: Final = (Suspended, Cancelled, Fenced)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call that the body makes: of what, where in the body, under which id of the user's.

    `named` is told its id as soon as it is known.
    """

    definition: CheckpointDefinition
    place: Place
    explicit: str | None = None
    named: Callable[[str], None] | None = None


@dataclass(slots=True, eq=False)
class Ended:
    """An outcome that a call has: what the body gets for it."""

    value: UserValue = None
    error: BaseException | None = None

    def deliver(self) -> UserValue:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value


class Try:
    """Within the block, the user's function runs as one try of a call; its error is caught.

    `is_async` says that the block is in a coroutine, which may be thrown away: only there GeneratorExit is no error of
    the function.
    """

    def __init__(self, frame: Frame, *, is_async: bool) -> None:
        self.frame = frame
        self.is_async = is_async
        self.value: UserValue = None
        self.error: BaseException | None = None
        #: What a process of its own says of its result or error: encoded and described there.
        self.encoded: Encoded | None = None
        self.failure: Failure | None = None
        self._entered = ExitStack()
        self._cancellations = 0

    def __enter__(self) -> Self:
        self.frame.run.attempt.world.back(None)
        self._entered.enter_context(context.entered(self.frame))
        self._cancellations = _cancellations()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self.frame.run.attempt.world.back(error)
        self._entered.close()
        if error is None:
            self._look()
        if error is None or self._passes(error):
            return False
        self.error = error
        return True

    def _passes(self, error: BaseException) -> bool:
        closed = self.is_async and isinstance(error, GeneratorExit)
        interrupted = keyboard.is_ctrl_c(self.frame.run.attempt.world, error)
        return closed or interrupted or isinstance(error, _PASSING) or _is_cancellation(error)

    def _look(self) -> None:
        """Report a function that went on after it was told to end, as if nothing had happened."""
        frame = self.frame
        if frame.told is not None or _cancellations() > self._cancellations:
            what = "asyncio.CancelledError" if frame.told is None else f"kitaru.errors.{type(frame.told).__name__}"
            frame.run.attempt.lines.swallowed(f"checkpoint {frame.call.place.name}", what, "returned")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A value that has to be in the store before the journal names it."""

    artifact: str
    encoded: Encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """How a call ended: what to upload, then what to commit, then what the body gets."""

    uploads: Sequence[Upload]
    record: Returned | Raised
    ended: Ended


class Work:
    """A call that runs in this attempt."""

    def __init__(self, run: Run, request: Request, call: Call, bound: BoundArguments, *, is_new: bool = False) -> None:
        self.call = call
        #: Whether it never began before, and its inputs are known by all their content.
        self.is_new = is_new
        self.function = request.definition.function
        self.runtime = request.definition.runtime
        self.timeout = request.definition.timeout
        self.bound = bound
        self._run = run
        self._attempt = run.attempt
        self._definition = request.definition
        self._number = call.tries

    @property
    def attempt(self) -> Attempt:
        """The attempt in which it runs."""
        return self._attempt

    @property
    def definition(self) -> CheckpointDefinition:
        """The checkpoint that it is a call of."""
        return self._definition

    def start(self) -> None:
        """Put the beginning on record: it rides in the next slot that somebody waits for."""
        attempt, call = self._attempt, self.call
        attempt.commits.add(beginnings.of_call(attempt, self._definition, call))
        attempt.lines.call("begun", f"{call.id} began", call)

    def once(self) -> Try:
        """Return the next try."""
        self._number += 1
        return Try(Frame(self._run, self.call, self._number), is_async=self.definition.is_async)

    def rest(self) -> float:
        """Return what is left of the pause after the last try, made by an attempt before this one."""
        last = self.call.tried
        return 0.0 if last is None else retrying.remaining(last.delay, last.at, self._attempt.now())

    def leave(self, tried: Try) -> Try:
        """Give up a try that goes on though its time is up, and return what stands in its place."""
        frame = tried.frame
        left = Try(replace(frame), is_async=tried.is_async)
        frame.give_up(Cancelled(f"{self.call.id} was given up, because its time was up: nothing that it does counts."))
        left.error = self.late()
        return left

    def late(self) -> KitaruTimeoutError:
        """Return the error of a try whose time is up."""
        limit = self.timeout or 0.0
        error = KitaruTimeoutError(
            f"{self.call.place.name} took longer than its timeout of {limit:g} s.", timeout=limit
        )
        failures.mark(error, origin=FailureOrigin.RUNTIME)
        return error

    def again(self, tried: Try) -> Tried | None:
        """Return the record of the failed try when the call is to be tried again, to be committed before; else None.

        Durable before the next try begins, so that a process which dies then does not try for ever.
        """
        error = tried.error
        if not isinstance(error, Exception):
            return None
        retry, now = self._definition.retry, self._attempt.now()
        delay = retrying.decide(retry, self._number, error, now, self._chance())
        if delay is None:
            return None
        self._run.check()
        failure = self._describe(tried, error, FailureOrigin.USER_CODE)
        soon = f", again in {delay:.3g} s" if delay else ""
        message = f"{self.call.id} failed, try {self._number} of {retry.limit + 1}{soon}"
        self._attempt.lines.failure(message, failure, self.call)
        return Tried(call=self.call.id, number=self._number, failure=failure, at=now, delay=delay)

    def _chance(self) -> float:
        """Return a number from [0, 1), drawn only when the policy asks for one."""
        return retrying.chance(self._attempt.world.ids.new()) if self._definition.retry.jitter else 0.5

    def conclude(self, tried: Try) -> Conclusion:
        """Return how the call ended, after its last try."""
        if tried.error is not None:
            return self._raised(tried, tried.error, FailureOrigin.USER_CODE)
        encoded: Encoded
        try:
            encoded = tried.encoded or values.encode(tried.value, f"{self.call.id} → result")
            result = values.decode(encoded.keep(), allow_pickle=True)
        except KitaruSerializationError as error:
            return self._raised(tried, error, FailureOrigin.RUNTIME)
        upload = uploaded(self._attempt, encoded)
        saved, uploads = _saved(tried.frame)
        record = Returned(
            call=self.call.id,
            value=kept(encoded, upload),
            at=self._attempt.now(),
            saved=saved,
            logged=tried.frame.logged,
        )
        self._attempt.lines.call("returned", f"{self.call.id} returned", self.call)
        return Conclusion(uploads=[*upload, *uploads], record=record, ended=Ended(result))

    def _raised(self, tried: Try, error: BaseException, origin: FailureOrigin) -> Conclusion:
        failure = self._describe(tried, error, origin)
        saved, uploads = _saved(tried.frame)
        record = Raised(
            call=self.call.id,
            failure=failure,
            at=self._attempt.now(),
            saved=saved,
            logged=tried.frame.logged,
        )
        self._attempt.lines.failure(f"{self.call.id} failed", failure, self.call)
        # Rebuilt as a later attempt would, with the way it came, for people.
        rebuilt = failures.rebuild(failure).with_traceback(error.__traceback__)
        return Conclusion(uploads=uploads, record=record, ended=Ended(error=rebuilt))

    def _describe(self, tried: Try, error: BaseException, origin: FailureOrigin) -> Failure:
        if tried.failure is not None:
            return tried.failure
        failures.mark(error, call=self.call.id)
        return failures.describe(error, origin)


def decide(run: Run, request: Request, args: Sequence[UserValue], kwargs: Mapping[str, UserValue]) -> Ended | Work:
    """Return the call's outcome from the history, or the work to do.

    Raises `TypeError` when the arguments do not fit the function, and `KitaruSerializationError`
    when they cannot be told apart by their content.
    """
    definition, place = request.definition, request.place
    bound = definition.signature.bind(*args, **kwargs)
    bound.apply_defaults()
    try:
        hashed = hashing.read_arguments(definition.name, bound.arguments)
    except KitaruSerializationError as error:
        failures.mark(error, origin=FailureOrigin.RUNTIME)
        raise
    inputs = hashed.digest
    asked = Asked(place=place, inputs=inputs, explicit=request.explicit)
    found = run.match_call(asked)
    if request.named is not None:
        request.named(_id_of(found))
    if isinstance(found, Decided):
        return _replayed(run, request, (asked, bound), found)
    attempt = run.attempt
    explicit = request.explicit is not None
    if not isinstance(found, Known):
        call = Call(id=found.id, place=place, inputs=inputs, nth=found.nth, explicit=explicit)
    elif found.entry.outcome is None:
        call = dataclasses.replace(found.entry, place=place, inputs=inputs, explicit=explicit)
    else:
        if found.differs:
            message = f"{found.entry.id} is reused though its inputs differ from the recorded ones"
            attempt.lines.call("differs", message, found.entry)
        return reused(attempt, found.entry.outcome)
    replaying.flush(attempt)
    return Work(run, request, call, bound, is_new=hashed.plain and not isinstance(found, Known))


def _id_of(found: FoundCall) -> str:
    match found:
        case Decided(new=new):
            return new.id
        case Known(entry=entry):
            return entry.id
        case _:
            return found.id


def _replayed(
    run: Run, request: Request, arguments: tuple[Asked, BoundArguments], found: Decided[Call]
) -> Ended | Work:
    """Return what a replay makes of a call that its own log lacks."""
    asked, bound = arguments
    call = Call(
        id=found.new.id,
        place=asked.place,
        inputs=asked.inputs,
        nth=found.new.nth,
        explicit=asked.explicit is not None,
        replays=found.replays,
    )
    outcome = replaying.settle(run.attempt, request.definition, call, found)
    if outcome is not None:
        return reused(run.attempt, outcome)
    replaying.flush(run.attempt)
    return Work(run, request, call, bound)


def reused(attempt: Attempt, outcome: Returned | Raised) -> Ended:
    """Return what the body gets for an outcome of the history."""
    if isinstance(outcome, Raised):
        return Ended(error=failures.rebuild(outcome.failure))
    return Ended(loaded(attempt, outcome.value))


def loaded(attempt: Attempt, value: Value) -> UserValue:
    """Return a value of this execution's own journal, fetching its artifact when it has one."""
    artifacts = attempt.world.artifacts

    def fetch(artifact: str) -> bytes:
        return attempt.reach(lambda: artifacts.get(artifact))

    return values.load(value, fetch, allow_pickle=True)


def uploaded(attempt: Attempt, encoded: Encoded) -> tuple[Upload, ...]:
    """Return the upload that the value needs, if it does not fit the log."""
    if encoded.is_inline:
        return ()
    return (Upload(artifact=attempt.world.ids.new(), encoded=encoded),)


def kept(encoded: Encoded, upload: Sequence[Upload]) -> Value:
    """Return the value for the log."""
    return encoded.keep(*(one.artifact for one in upload))


def upload(attempt: Attempt, uploads: Sequence[Upload]) -> None:
    """Put the values into the store."""
    for one in uploads:
        attempt.reach(_putting(attempt, one))


def _putting(attempt: Attempt, one: Upload) -> Callable[[], None]:
    metadata = {"codec": one.encoded.codec, "type": one.encoded.type}
    python = one.encoded.keep().python
    if python is not None:
        metadata["python"] = python
    return lambda: attempt.world.artifacts.put(one.artifact, one.encoded.body, metadata)


def _saved(frame: Frame) -> tuple[tuple[Saved, ...], list[Upload]]:
    uploads = [
        Upload(artifact=saved.value.artifact, encoded=encoded)
        for saved, encoded in frame.saved
        if saved.value.artifact is not None
    ]
    return tuple(saved for saved, _ in frame.saved), uploads


def _is_cancellation(error: BaseException) -> bool:
    """Whether the task was cancelled, not just something that it awaited."""
    return isinstance(error, asyncio.CancelledError) and _cancellations() > 0


def _cancellations() -> int:
    """Return how many want the running task to end."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return 0
    return 0 if task is None else task.cancelling()
