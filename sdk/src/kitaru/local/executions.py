"""The Executions port of the local stack."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from pydantic import JsonValue

from kitaru.core import frozen, phases, resuming
from kitaru.core.definitions import FlowDefinition
from kitaru.core.frozen import FrozenExecutionSpec
from kitaru.core.head import Head, State
from kitaru.core.listing import Query, Row
from kitaru.core.located import Located
from kitaru.core.phases import Event
from kitaru.core.replay import ReplayStart
from kitaru.core.resuming import Seen
from kitaru.core.spec import Spec
from kitaru.errors import FailureOrigin, KitaruStateError
from kitaru.local import attempts, decisions, invoking, launches, listing, registry, replaying
from kitaru.local.attempts import Attempts
from kitaru.local.going import Going
from kitaru.local.launches import Started
from kitaru.local.looks import Looks
from kitaru.local.site import NAME, Site
from kitaru.ports import ObjectStore, Start

#: Seconds between looks at an execution that another process runs, or that nobody does.
_POLL: Final = 0.2
#: Seconds between looks at one that this process runs, since another may cancel it.
_LONG_POLL: Final = 1.0

_LOG: Final = logging.getLogger("kitaru")


class LocalExecutions:
    """Executions whose attempts run in this process, or in workers, over a store that several processes share."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._looks = Looks(site)
        self._attempts = Attempts(site)
        self._going = Going(site, self._looks, self._attempts)

    @property
    def store(self) -> ObjectStore:
        """Where the journals and artifacts of this stack lie."""
        return self._site.store

    def start(self, start: Start) -> str:
        """Start an execution of a deployed version, and return its id: here if its code is loaded, else in a worker.

        Raises `LookupError` or `KitaruStateError` when no version can be chosen, and `KitaruUsageError` for inputs that
        do not fit its schema; nothing has started then.
        """
        spec = invoking.freeze(self._site, start)
        self.begin(spec)
        return spec.uid

    def run(self, flow: FlowDefinition, inputs: dict[str, JsonValue], settings: FrozenExecutionSpec) -> str:
        """Start an execution of this very flow, and return its id. `inputs` are validated, `settings` resolved."""
        spec = self._new(flow, inputs, settings)
        self._going.begin(spec, flow)
        return spec.uid

    def _new(self, flow: FlowDefinition, inputs: dict[str, JsonValue], settings: FrozenExecutionSpec) -> Spec:
        exec_id, chosen = self._site.ids.new(), settings.resolved_execution
        return Spec(
            namespace=NAME,
            name=exec_id,
            uid=exec_id,
            flow=flow.name,
            entrypoint=flow.entrypoint,
            created_at=self._site.clock.now(),
            inputs=inputs,
            retries=chosen.retries,
            cache=chosen.cache,
            timeout=chosen.timeout,
            settings=frozen.dump(settings),
            file=registry.file_of(flow.function),
            launch=launches.here(flow.function),
            source=self._site.flows.source_of(flow),
        )

    def replay(
        self, start: ReplayStart, flow: FlowDefinition | None = None, settings: FrozenExecutionSpec | None = None
    ) -> str:
        """Start an execution that replays another one, and return its id.

        `flow` is the code that runs, under these settings; without it, what ran the replayed execution runs again: here
        if it is loaded and still the same, else in a worker.
        """
        if flow is None or settings is None:
            flow = self._going.nameless(start.source.uid)
            new = replaying.freeze(self._site, start)
        else:
            new = self._new(flow, dict(start.inputs), settings)
        self._going.begin(replaying.keep(self._site, new, start), flow)
        return new.uid

    def begin(self, spec: Spec, flow: FlowDefinition | None = None) -> None:
        """Keep a new execution and have it run: `flow` here if it is given, or loaded; else by a worker process."""
        self._going.begin(spec, flow)

    def serve(self, exec_id: str, epoch: int | None, told: Callable[[Started], None]) -> None:
        """Go on with an execution as a worker, after epoch `epoch` (None: whatever it is). `leave` waits for its end.

        `told` is called once it is known whether this process has the execution's lock, before any user code runs.
        """
        self._going.serve(self._looks.resolve(exec_id), epoch, told)

    def leave(self) -> None:
        """Return when this process runs nothing more. What only waits for an answer parks now."""
        self._attempts.leave()

    def list(self, query: Query) -> Sequence[Row]:
        """Return the executions that are asked for, the newest first."""
        return listing.rows(self._site, self._looks, query)

    def locate(self, exec_id: str) -> Located:
        """Return what the stack knows of the execution, by its id or a unique prefix of it."""
        exec_id = self._looks.resolve(exec_id)
        spec = self._looks.spec(exec_id)
        head, phase = self._looks.phase(exec_id)
        return Located(
            exec_id=exec_id,
            flow=spec.flow,
            stack=NAME,
            phase=phase,
            paths=self._site.paths(exec_id),
            created_at=spec.created_at,
            version=spec.version,
            original=None if spec.replay is None else spec.replay.execution,
            reason=self._looks.reason(head, phase),
            head=head,
        )

    def answer(self, exec_id: str, wait: str, value: JsonValue) -> None:
        """Answer an open wait. Whoever stays goes on, else this process or a worker does."""
        exec_id = self._looks.resolve(exec_id)
        decisions.answer(self._site, exec_id, wait, value)
        self._attempts.wake(exec_id)
        try:
            self._going.answered(exec_id)
        except KitaruStateError as error:
            # No error: the answer is kept, and a second one would be refused.
            _LOG.warning("The answer to %r is kept, but nobody goes on yet. %s", wait, error)

    def abort(self, exec_id: str, wait: str) -> None:
        """Abort an open wait, and so end the execution as cancelled."""
        exec_id = self._looks.resolve(exec_id)
        decisions.abort(self._site, exec_id, wait)
        self._end(exec_id, self._looks.head(exec_id), attempts.ABORTED)

    def retry(self, exec_id: str) -> None:
        """Go on with an execution that failed, or whose process ended: here, or in a worker."""
        exec_id = self._looks.resolve(exec_id)
        head, phase = self._looks.phase(exec_id)
        self._going.expire(exec_id, head)
        if not self._looks.is_decided(exec_id):
            phases.advance(phase, Event.RETRIED, f"Execution {exec_id!r}")
        if not self._going.again(exec_id, head):
            message = f"Execution {exec_id} is already being run: wait for it."
            raise KitaruStateError(message)

    def resume(self, exec_id: str) -> None:
        """Go on with an execution that was answered, or whose process died, unless somebody does already."""
        exec_id = self._looks.resolve(exec_id)
        head, phase = self._looks.phase(exec_id)
        self._going.expire(exec_id, head)
        failure = head.failure if head.state is State.FAILED else None
        seen = Seen(
            phase=phase,
            waits=[one.id for one in head.waits],
            decided=decisions.of_open_waits(self._site, exec_id, head),
            origin=failure.origin if failure else FailureOrigin.RUNTIME,
        )
        if resuming.is_needed(seen, f"Execution {exec_id!r}") and not self._site.locks.is_held(exec_id):
            self._going.again(exec_id, head)

    def cancel(self, exec_id: str) -> None:
        """End the execution; code that runs here stops at its next Kitaru call."""
        exec_id = self._looks.resolve(exec_id)
        head, phase = self._looks.phase(exec_id)
        if phases.status_of(phase).is_finished:
            message = f"Execution {exec_id} is {phases.status_of(phase)}: there is nothing to cancel."
            raise KitaruStateError(message)
        self._end(exec_id, head, "It was cancelled.")

    def await_change(self, exec_id: str, timeout: float) -> None:
        """Return when the execution may have changed, or after `timeout` seconds.

        A parked execution that was answered meanwhile goes on: here, or in a worker.
        """
        try:
            with self._site.terminal.attended():
                ran_here = self._attempts.wait(exec_id, min(timeout, _LONG_POLL))
            if ran_here:
                return
            exec_id = self._looks.resolve(exec_id)
            # It may have ended between the caller's look and this call: no pause then.
            finished = phases.status_of(self._looks.phase(exec_id)[1]).is_finished
            if not finished and not self._going.answered(exec_id):
                self._site.clock.sleep(min(timeout, _POLL))
        except KeyboardInterrupt:
            if not self._site.terminal.put_off():
                raise

    def _end(self, exec_id: str, seen: Head, reason: str) -> None:
        head = attempts.end(self._site, exec_id, seen, reason)
        if head.state is not State.CANCELLED:
            message = f"Execution {exec_id} came to its end first: it is {head.state}."
            raise KitaruStateError(message)
        self._attempts.stop(exec_id, reason)
