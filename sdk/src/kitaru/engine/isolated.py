"""Checkpoints whose functions run in a process of their own, which can be killed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from functools import partial
from typing import Final, assert_never

from kitaru.core import failures, values
from kitaru.core.capture import Capture
from kitaru.engine import errands
from kitaru.engine.errands import Began, Done, Errand, Flush, GetArtifact, Line, OpenHistory, Question, Reply
from kitaru.engine.run import Run
from kitaru.engine.work import Try, Work
from kitaru.errors import FailureOrigin, KitaruIsolationError
from kitaru.ports import Artifacts, Process

#: Seconds that a process may take beside the function's own time, to start and to import the user's modules.
_LOADING: Final = 60.0


class Trial:
    """One try of a call in a process."""

    def __init__(self, run: Run, doing: Work) -> None:
        self._attempt = run.attempt
        self._doing = doing
        self._tried = doing.once()
        self._process: Process | None = None
        self._late = False
        self._unwanted = False
        self._cancel: Callable[[], None] = _nothing
        self._guard = threading.Lock()
        self._artifacts: dict[str, Artifacts] = {}

    def run(self) -> Try:
        """Return the try when its process has ended. Raises what the body is told when the attempt ends meanwhile."""
        tried, doing = self._tried, self._doing
        with tried:
            errand = self._errand()
            done, code = self._converse(errand)
            if done is not None:
                tried.encoded, tried.failure = done.encoded, done.failure
                tried.frame.saved, tried.frame.logged = list(done.saved), dict(done.logged)
                if done.failure is not None:
                    raise failures.rebuild(done.failure)
                return tried
            if self._late:
                raise doing.late()
            self._attempt.check()
            raise self._died(code)
        return tried

    def kill(self) -> None:
        """End the process: nobody waits for it any more."""
        with self._guard:
            self._unwanted = True
            process = self._process
        if process is not None:
            process.kill()

    def _errand(self) -> bytes:
        doing, job = self._doing, self._attempt.job
        call = doing.call
        return errands.write(
            Errand(
                execution=job.exec_id,
                flow=job.flow.name,
                call=call,
                number=self._tried.frame.number,
                function=errands.function_of(doing.function, call.place.name),
                arguments=values.pickle((doing.bound.args, doing.bound.kwargs), f"{call.id} → arguments"),
            )
        )

    def _converse(self, errand: bytes) -> tuple[Done | None, int]:
        """Start the process and answer it until its function is done, or it has ended, with its exit code."""
        self._limit(_LOADING)
        leave = self._attempt.on_end(self.kill)
        try:
            process = self._start(errand)
            done: Done | None = None
            try:
                while done is None and (body := process.receive()) is not None:
                    done = self._heard(process, body)
            finally:
                code = process.close()
        finally:
            self._cancel()
            leave()
        return done, code

    def _limit(self, more: float) -> None:
        """Let the time of the try run from now on, with so many seconds more."""
        self._cancel()
        if self._doing.timeout is not None:
            self._cancel = self._attempt.world.clock.alarm(self._doing.timeout + more, self._time_is_up)

    def _start(self, errand: bytes) -> Process:
        process = self._attempt.world.isolation.start(errand)
        with self._guard:
            self._process = process
            unwanted = self._unwanted
        if unwanted:
            process.kill()
        return process

    def _time_is_up(self) -> None:
        self._late = True
        self.kill()

    def _heard(self, process: Process, body: bytes) -> Done | None:
        message = errands.read(body)
        match message:
            case Done():
                return message
            case Began():
                self._limit(0)
            case Line(line=line):
                self._attempt.published = True
                self._attempt.world.telemetry.emit(line)
            case Flush() | OpenHistory() | GetArtifact():
                reply = Reply()
                with Capture(Exception) as caught:
                    reply = self._found(message)
                process.send(errands.write(reply if caught.error is None else Reply(error=caught.error)))
            case Errand() | Reply():
                pass  # what only this side says
            case _:
                assert_never(message)
        return None

    def _found(self, wanted: Question) -> Reply:
        attempt = self._attempt
        match wanted:
            case Flush():
                return Reply(found=attempt.world.telemetry.flush())
            case GetArtifact(execution=execution, artifact=artifact):
                return Reply(found=attempt.reach(partial(self._artifacts[execution].get, artifact)))
            case OpenHistory(execution=execution):
                slots, self._artifacts[execution] = attempt.reach(partial(attempt.world.histories.open, execution))
                return Reply(found=tuple(slots))
            case _:
                assert_never(wanted)

    def _died(self, code: int) -> KitaruIsolationError:
        why = f"was killed by {_signal(-code)}" if code < 0 else f"exited with code {code}"
        hint = "; the system may have run out of memory" if -code == signal.SIGKILL else ""
        message = f"The process of {self._doing.call.id} {why} before its function ended{hint}."
        error = KitaruIsolationError(message)
        failures.mark(error, origin=FailureOrigin.RUNTIME)
        return error


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _nothing() -> None:
    pass
