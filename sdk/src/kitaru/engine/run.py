"""One attempt and one run of the body in it: what their parts share."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, NoReturn, TypeVar

from kitaru.core import failures, matching
from kitaru.core.capture import Capture
from kitaru.core.history import Call, History, Wait
from kitaru.core.journal import Record
from kitaru.core.matching import Asked, Matching
from kitaru.core.tagged import UserValue
from kitaru.engine import commits, endings
from kitaru.engine.commits import Commits
from kitaru.engine.endings import Ending, Reason
from kitaru.engine.lines import Lines
from kitaru.engine.offers import Offers
from kitaru.engine.replayed import FoundCall, FoundWait, Replayed, Steps
from kitaru.engine.world import Job, World
from kitaru.errors import Cancelled, FailureOrigin, KitaruBackendError, StoreDeniedError, StoreUnavailableError
from kitaru.ports import Opened

T = TypeVar("T")

#: Threads for submitted calls of `def` checkpoints.
_WORKERS: Final = 10
#: Kitaru calls after which a body that was told to end is said not to listen: more than any clean-up makes.
_DEAF: Final = 100
_OVER: Final = "The flow's body has ended, and a task that it left behind made a Kitaru call."


class Attempt:
    """One process's try at an execution, from its fence to its end record."""

    def __init__(self, world: World, job: Job, opened: Opened) -> None:
        self.world = world
        self.job = job
        self.history = History(record for slot in opened.slots for record in slot.records)
        #: What the flow's body logged, in the journal or on its way there.
        self.metadata = self.history.metadata
        self.offers = Offers(world.cache)
        self.commits = Commits(world.journal, self.history, self.offers.written)
        self.lines = Lines(world.telemetry, world.clock, job.exec_id)
        self.wake: Callable[[], None] = _nothing
        #: Whether a call published events: they are written out before the end of the attempt is.
        self.published = False
        #: What it replays, if it is a replay.
        self.replay: Replayed | None = None
        #: The calls of the log that the last run of the body did not make, by id; None before its end.
        self.left: tuple[str, ...] | None = None
        self._lock = threading.RLock()
        self._ending: Ending | None = None
        self._listeners: dict[int, Callable[[], None]] = {}
        self._numbers = itertools.count()
        world.stop.subscribe(self._stopped)

    @property
    def ending(self) -> Ending | None:
        """Why the journal is closed to the body, None while it is open."""
        return self._ending

    def now(self) -> datetime:
        """Return the time of day."""
        return self.world.clock.now()

    def check(self) -> None:
        """Raise what the body is told when its journal is closed."""
        if self._ending is not None:
            raise self._ending.exception()

    def end(self, ending: Ending) -> None:
        """Close the journal to the body. Only the first reason counts, unless the journal is lost."""
        with self._lock:
            if self._ending is None or ending.reason is Reason.LOST:
                self._ending = ending
            listeners = tuple(self._listeners.values())
        self.wake()
        for listener in listeners:
            listener()

    def on_end(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` whenever the attempt is told to end, now if it was; return what ends that."""
        with self._lock:
            number = next(self._numbers)
            self._listeners[number] = listener
            ended = self._ending is not None
        if ended:
            listener()
        return partial(self._forget, number)

    def _forget(self, number: int) -> None:
        with self._lock:
            self._listeners.pop(number, None)

    def reopen(self) -> None:
        """Open the journal to the body again: it was suspended, and an answer came after all."""
        with self._lock:
            self._ending = None
        if self.world.stop.why is not None:
            self._stopped(self.world.stop.why)

    def commit(self, *records: Record, last: bool = False) -> None:
        """Commit the records; when that fails, close the journal and raise what the body is told.

        After the `last` ones nothing is written any more, whoever tries. Raises `KitaruSerializationError` for a
        record that cannot be written, and goes on.
        """
        commits.check(*records)
        with Capture(BaseException) as caught:
            self.commits.commit(*records, last=last)
        if caught.error is not None:
            self.end(endings.lost(caught.error))
            self.check()

    def reach(self, request: Callable[[], T]) -> T:
        """Make a request to the store; when it does not serve us, the attempt is over.

        What it says about a value, that it is gone for instance, is raised to the body.
        """
        try:
            return request()
        except (StoreUnavailableError, StoreDeniedError) as error:
            ending = endings.lost(error)
            self.end(ending)
            raise ending.exception() from error
        except KitaruBackendError as error:
            failures.mark(error, origin=FailureOrigin.BACKEND)
            raise

    def _stopped(self, why: str) -> None:
        self.end(Ending(reason=Reason.STOPPED, why=why))


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True, eq=False)
class Pending:
    """A wait that this run of the body asked for and that has no answer yet.

    `seconds` is how long the runner stays for it; `read` gives what the wait returns, or raises
    what it raises, once the history has its answer or expiry.
    """

    wait: str
    seconds: float
    read: Callable[[Wait], UserValue]
    future: Future[UserValue]


class Run:
    """One run of the flow's body from its first line, over the history as it was then."""

    def __init__(self, attempt: Attempt) -> None:
        history = attempt.history
        self.attempt = attempt
        #: The thread of the body, and the event loop of an async one.
        self.thread = threading.get_ident()
        self.loop: asyncio.AbstractEventLoop | None = None
        #: Whether strands of the body run side by side: rule 3 of the matching ends there.
        self.concurrent = False
        #: Whether the body has ended; what it left behind makes no calls any more.
        self.over = False
        #: How often its thread was told that it may make no Kitaru call any more.
        self.told = 0
        self.pending: dict[str, Pending] = {}
        self.changed = threading.Condition()
        #: The event loop that runs async calls of a `def` body, in a thread of its own.
        self.side: asyncio.AbstractEventLoop | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        recording = None if attempt.replay is None else attempt.replay.script.recording
        self._calls: Matching[Call] = Matching(
            history.calls.values(), reserved=() if recording is None else recording.calls
        )
        self._waits: Matching[Wait] = Matching(
            matching.live(history.waits), history.waits, () if recording is None else recording.waits
        )
        self._steps = None if attempt.replay is None else Steps(attempt.replay, history)
        self._running = 0
        self._submitted = 0
        self._news = False
        self._pool: ThreadPoolExecutor | None = None

    def is_here(self) -> bool:
        """Whether this thread, and the event loop that runs in it, are the body's own."""
        return threading.get_ident() == self.thread and _running_loop() is self.loop

    def check(self) -> None:
        """Raise what the body is told when it may make no Kitaru call any more."""
        if threading.get_ident() == self.thread and (self.over or self.attempt.ending is not None):
            self._tell()
        self.attempt.check()
        if self.over:
            raise Cancelled(_OVER)

    def _tell(self) -> None:
        """Count how often the body was told to end; one that goes on and on is reported."""
        self.told += 1
        if self.told == _DEAF:
            name = self.attempt.job.flow.name
            self.attempt.lines.swallowed(f"flow {name}", "what ends it", f"made {_DEAF} Kitaru calls more")

    @property
    def running(self) -> int:
        """How many calls run or are about to."""
        return self._running

    def match_call(self, asked: Asked) -> FoundCall:
        """Return which call of the history this is, and claim it; in a replay also what becomes of a new one.

        Raises what the body is told when a replay shows that the code is another one than the recorded.
        """
        with self.changed:
            sequential = not self.concurrent
            if self._steps is None:
                return self._calls.decide(asked, sequential=sequential)
            found = self._steps.call(self._calls, asked, sequential=sequential)
        if isinstance(found, str):
            self._diverge(found)
        return found

    def match_wait(self, asked: Asked) -> FoundWait:
        """Return which wait of the history this is, and claim it; in a replay also what becomes of a new one."""
        with self.changed:
            sequential = not self.concurrent
            if self._steps is None:
                return self._waits.decide(asked, sequential=sequential)
            return self._steps.wait(self._waits, asked, sequential=sequential)

    def returned(self) -> None:
        """Take note that the body returned. Raises what it is told when it lacks calls that a replay must meet."""
        missing = None if self._steps is None else self._steps.missing()
        if missing is not None:
            self._diverge(missing)

    def left(self) -> tuple[str, ...]:
        """Return the ids of the calls and waits in the log which this run of the body did not make."""
        with self.changed:
            return (*self._calls.unclaimed(), *self._waits.unclaimed())

    def _diverge(self, why: str) -> NoReturn:
        ending = Ending(reason=Reason.DIVERGED, why=why)
        self.attempt.end(ending)
        self.attempt.check()
        raise ending.exception()

    @property
    def submitted(self) -> int:
        """How many of them were submitted: these end with the body, though nobody waits for them."""
        return self._submitted

    def started(self, *, submitted: bool = False) -> None:
        """Count a call that runs from now on."""
        with self.changed:
            self._running += 1
            self._submitted += submitted

    def finished(self, *, submitted: bool = False) -> None:
        """Count a call that runs no more; whoever waited for its future was woken before."""
        with self.changed:
            self._running -= 1
            self._submitted -= submitted
            self._news = True
            self.changed.notify_all()

    def notify(self) -> None:
        """Wake the body's thread where it waits for a change."""
        with self.changed:
            self._news = True
            self.changed.notify_all()

    def await_change(self, seconds: float | None) -> None:
        """Return when something changed since the last time, or after `seconds`."""
        with self.changed:
            self.changed.wait_for(lambda: self._news, seconds)
            self._news = False

    def pool(self) -> ThreadPoolExecutor:
        """Return the threads of submitted calls."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_WORKERS, "kitaru-call")
        return self._pool

    def close(self) -> None:
        """Let go of the threads; those that still run end by themselves."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
