"""The attempts that this process makes, each on a thread of its own."""

from __future__ import annotations

import importlib
import logging
import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from kitaru.backends import log
from kitaru.backends.forked import Home
from kitaru.backends.isolation import ProcessIsolation
from kitaru.backends.log import ObjectJournal
from kitaru.backends.telemetry import ObjectTelemetry
from kitaru.backends.unsynced import UnsyncedStore
from kitaru.backends.values import ObjectArtifacts, ObjectHistories
from kitaru.core.definitions import FlowDefinition
from kitaru.core.head import Head, State
from kitaru.core.journal import Abort, Cancelled, Failure
from kitaru.core.protocol.ender import Ending
from kitaru.core.protocol.writer import Identity
from kitaru.core.spec import Spec
from kitaru.engine import attempt
from kitaru.engine.attempt import Closed, Interrupted, Job, Outcome, World
from kitaru.engine.lines import Lines
from kitaru.engine.stop import Stop
from kitaru.errors import KitaruError, KitaruStateError
from kitaru.local import decisions, forks
from kitaru.local.site import Site
from kitaru.local.stays import Stay

#: Seconds for which an attempt stays at a wait before it parks, unless the wait says otherwise.
STAY: Final = 600.0
#: Seconds for which the exit waits for code that runs on although its execution was cancelled.
GRACE: Final = 5.0
#: Seconds between looks for executions that another process cancelled.
_LOOK: Final = 1.0
ABORTED: Final = "Wait condition was aborted."

_LOG: Final = logging.getLogger("kitaru")


@dataclass(slots=True)
class _Run:
    """An execution that this process runs now."""

    bell: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    stop: Stop = field(default_factory=Stop)
    process: int = field(default_factory=os.getpid)
    #: The log's head before the first attempt, None once it is to be read.
    head: Head | None = None
    #: The log as whoever looks for a cancellation last saw it.
    seen: Head = field(default_factory=Head)


class Attempts:
    """Runs executions whose lock this process has, one thread each, and gives the lock back."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._runs: dict[str, _Run] = {}
        self._guard = threading.Lock()
        self._leaving = False
        #: Whether a thread looks for executions that another process cancelled.
        self._watched = False
        self._left = not _at_exit(self)
        forks.in_child(self._forked)

    def ready(self) -> None:
        """Raise `KitaruStateError` when this process can run nothing any more, since it exits."""
        if self._left:
            message = "This process is exiting and runs no execution any more: start them before its main program ends."
            raise KitaruStateError(message)

    def begin(self, exec_id: str, flow: FlowDefinition, spec: Spec, head: Head | None = None) -> None:
        """Start the next attempt. The caller has taken the execution's lock. Raises as `ready`.

        `head` is that of the log, if the caller knows it.
        """
        run = _Run(head=head)
        with self._guard:
            self.ready()
            self._runs[exec_id] = run
            watch, self._watched = not self._watched, True
        if watch:
            threading.Thread(target=self._watch, name="kitaru-watch", daemon=True).start()
        name = f"kitaru-{flow.name}-{exec_id[:8]}"
        # A daemon: what holds the exit up is `leave`, which knows when to stop waiting.
        threading.Thread(target=self._main, args=(exec_id, flow, spec, run), name=name, daemon=True).start()

    def fail(self, exec_id: str, flow: str, failure: Failure) -> None:
        """Make an attempt that fails without running anything. The caller has the lock, which is given back."""

        def fails(world: World) -> Outcome:
            return attempt.fail(world, failure)

        try:
            self._numbered(exec_id, flow, None, _Run(), fails)
        finally:
            self._site.locks.release(exec_id)

    def wake(self, exec_id: str) -> None:
        """Have the execution, if it stays for an answer here, look for one now."""
        run = self._runs.get(exec_id)
        if run is not None:
            run.bell.set()

    def stop(self, exec_id: str, why: str) -> None:
        """Stop the execution, if it runs here, as far as Python can."""
        run = self._runs.get(exec_id)
        if run is not None:
            run.stop.set(why)
            run.bell.set()

    def wait(self, exec_id: str, timeout: float) -> bool:
        """Return once this process does not run the execution, or after `timeout`; whether it ran."""
        run = self._runs.get(exec_id)
        if run is None:
            return False
        run.done.wait(timeout)
        return True

    def leave(self) -> None:
        """Return when no execution runs here. One that only waits for an answer parks now.

        Code of a cancelled execution that does not end, as a bare ``except:`` in a loop makes it,
        is waited for `GRACE` seconds.
        """
        self._leaving = True
        patience: dict[str, float] = {}
        while runs := self._staying(patience):
            for run in runs:
                run.bell.set()
            try:
                runs[0].done.wait(_LOOK)
            except KeyboardInterrupt:
                if not self._site.terminal.put_off():
                    raise

    def _staying(self, patience: dict[str, float]) -> list[_Run]:
        """Return the runs that the exit waits for; none: nothing is begun here any more."""
        with self._guard:
            runs = dict(self._runs)
        now = self._site.clock.monotonic()
        for exec_id, run in runs.items():
            if exec_id not in patience and self._is_cancelled(exec_id, run):
                patience[exec_id] = now + GRACE
        staying = [run for exec_id, run in runs.items() if now < patience.get(exec_id, now + 1)]
        with self._guard:
            self._left = not staying and self._runs.keys() == runs.keys()
        return staying if self._left or staying else self._staying(patience)

    def _watch(self) -> None:
        """Stop what another process cancels, as far as Python can; ends when nothing runs here."""
        while True:
            self._site.clock.sleep(_LOOK)
            with self._guard:
                runs = dict(self._runs)
                self._watched = bool(runs)
            if not runs:
                return
            for exec_id, run in runs.items():
                if run.stop.why is None and self._is_cancelled(exec_id, run):
                    self.stop(exec_id, run.seen.reason or "it was cancelled")

    def _is_cancelled(self, exec_id: str, run: _Run) -> bool:
        if run.stop.why is not None:
            return True
        try:
            run.seen = log.read_head(self._site.store, self._site.paths(exec_id), run.seen, width=1)
        except KitaruError:
            return False
        return run.seen.state is State.CANCELLED

    def _forked(self) -> None:
        """Nothing runs in a child, and a thread that is not there may hold the guard."""
        self._guard = threading.Lock()
        self._runs = {}
        self._watched = False

    def _main(self, exec_id: str, flow: FlowDefinition, spec: Spec, run: _Run) -> None:
        try:
            while self._held(exec_id, flow, spec, run):
                pass
        except KitaruError as error:
            # It shows as failed, origin runtime, since nobody holds it now; a retry goes on.
            _LOG.warning("Execution %s stopped: %s", exec_id, error)
        finally:
            self._forget(exec_id, run)

    def _forget(self, exec_id: str, run: _Run) -> None:
        with self._guard:
            if self._runs.get(exec_id) is run:
                del self._runs[exec_id]
        run.done.set()

    def _held(self, exec_id: str, flow: FlowDefinition, spec: Spec, run: _Run) -> bool:
        """Make an attempt and give the lock back; True with the lock again if it must go on."""
        site = self._site
        waiting = False
        try:
            head = self._attempt(exec_id, flow, spec, run).head
            waiting = head.state is State.PARKED
        finally:
            site.terminal.leave(exec_id, waiting=waiting)
            site.locks.release(exec_id)
        if run.process != os.getpid():
            return False  # a child that was forked in a checkpoint; the parent goes on
        # An answer may have come between the attempt's last look and the lock's release.
        if not self._goes_on(exec_id, head) or not site.locks.acquire(exec_id):
            return False
        if self._goes_on(exec_id, head):
            return True
        site.locks.release(exec_id)  # another process went on with it in between
        return False

    def _attempt(self, exec_id: str, flow: FlowDefinition, spec: Spec, run: _Run) -> Outcome:
        """Make one attempt."""
        source = self._site.flows.source_of(flow)
        job = Job(
            exec_id=exec_id,
            flow=flow,
            inputs=spec.inputs,
            stay=STAY,
            retries=spec.retries,
            cache=spec.cache,
            timeout=spec.timeout,
            replay=spec.replay,
        )

        def runs(world: World) -> Outcome:
            if spec.source not in {None, source}:
                message = f"The source of {flow.name} was changed since the execution was started."
                Lines(world.telemetry, world.clock, exec_id).event("source_changed", message)
            return attempt.run(world, job)

        return self._numbered(exec_id, spec.flow, source, run, runs)

    def _numbered(
        self, exec_id: str, flow: str, source: str | None, run: _Run, act: Callable[[World], Outcome]
    ) -> Outcome:
        """Make one attempt, under the lowest number that nobody has (as rule 18b counts)."""
        site, paths = self._site, self._site.paths(exec_id)
        head, run.head = run.head or log.read_head(site.store, paths, width=1), None
        number = head.epoch + 1
        while True:
            while log.read_claim(site.store, paths, number) is not None:
                number += 1
            me = Identity(epoch=number, writer=site.ids.new(), allowance=head.failures, source=source)
            outcome = act(self._world(exec_id, flow, run, me))
            if isinstance(outcome, Interrupted) and run.stop.why is None:
                _LOG.warning("Execution %s was interrupted: %s", exec_id, outcome.why)
            if not isinstance(outcome, Closed) or outcome.head.final:
                return outcome
            claim = log.read_claim(site.store, paths, number)
            if claim is not None and claim.writer == me.writer:
                return outcome

    def _world(self, exec_id: str, flow: str, run: _Run, me: Identity) -> World:
        site, paths = self._site, self._site.paths(exec_id)
        unsynced = UnsyncedStore(site.store)
        journal = ObjectJournal(site.store, paths, me, site.clock, width=1).relax(unsynced)
        return World(
            journal=site.journaled(forks.OwnJournal(journal)),
            artifacts=ObjectArtifacts(site.store, paths),
            telemetry=forks.OwnTelemetry(ObjectTelemetry(unsynced, paths, me.epoch)),
            clock=site.clock,
            ids=site.ids,
            histories=ObjectHistories(site.store, site.paths),
            cache=site.cache_of(exec_id),
            stop=run.stop,
            back=Home(),
            isolation=ProcessIsolation(),
            stay=Stay(site, exec_id, flow, run.bell, lambda: self._leaving),
        )

    def _goes_on(self, exec_id: str, known: Head) -> bool:
        """Whether a parked execution can go on; one with an aborted wait is ended here."""
        site = self._site
        if known.final:
            return False
        head = log.read_head(site.store, site.paths(exec_id), known, width=1)
        if head.final or not head.waits:
            return False
        decided = decisions.of_open_waits(site, exec_id, head)
        if any(isinstance(decision, Abort) for decision in decided.values()):
            end(site, exec_id, head, ABORTED)
            return False
        return bool(decided) and head.state is State.PARKED


def end(site: Site, exec_id: str, head: Head, reason: str) -> Head:
    """Append CANCELLED under a number of its own (rule 18b); return what the log says then."""
    record = Cancelled(reason=reason, at=site.clock.now())
    ending = Ending(number=head.epoch + 1, writer=site.ids.new(), record=record, insist=True)
    return log.end_execution(site.store, site.paths(exec_id), ending, head, site.clock).head


def _at_exit(attempts: Attempts) -> bool:
    """Have `attempts` leave when the interpreter exits, before thread pools close; False: it exits.

    `atexit` is too late: by then pools, and so `asyncio.to_thread`, refuse work. These functions
    run in reverse order, so the module of the pools must have registered its own first.
    """
    found = weakref.WeakMethod(attempts.leave)

    def leave() -> None:
        method = found()
        if method is not None:
            method()

    importlib.import_module("concurrent.futures.thread")
    register: Callable[[Callable[[], None]], None] = vars(threading)["_register_atexit"]
    try:
        register(leave)
    except RuntimeError:
        return False
    return True
