"""The Executions port of the local stack."""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from kitaru.backends import log
from kitaru.core import phases, spec
from kitaru.core.definitions import FlowDefinition
from kitaru.core.head import Head, State
from kitaru.core.inputs import validate_inputs
from kitaru.core.located import Located
from kitaru.core.phases import Event, Phase
from kitaru.core.spec import Spec
from kitaru.errors import KitaruStateError
from kitaru.local import attempts, decisions, registry
from kitaru.local.attempts import Attempts
from kitaru.local.site import NAME, Site
from kitaru.ports import ObjectStore, Start

#: Seconds between looks at an execution that another process runs, or that nobody does.
_POLL: Final = 0.2
#: Seconds between looks at one that this process runs, since another may cancel it.
_LONG_POLL: Final = 1.0
_DIED: Final = "The process that ran it stopped before the execution ended."


class LocalExecutions:
    """Executions whose attempts run in this process, over a store that several processes share."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._attempts = Attempts(site)
        #: Closures and lambdas that were started here: their entrypoints may be those of others too.
        self._nameless: dict[str, FlowDefinition] = {}

    @property
    def store(self) -> ObjectStore:
        """Where the journals and artifacts of this stack lie."""
        return self._site.store

    def start(self, start: Start) -> str:
        """Start an execution of the one loaded flow of this name, and return its id."""
        flows = self._site.flows.named(start.flow)
        if len(flows) != 1:
            found = "none" if not flows else ", ".join(flow.entrypoint for flow in flows)
            message = (
                f"The flow {start.flow!r} must be loaded exactly once in this process to start it "
                f"by name (loaded: {found}): import it, or call its .run()."
            )
            raise KitaruStateError(message)
        inputs = validate_inputs(flows[0], (), start.inputs)
        return self.run(flows[0], inputs, start.retries)

    def run(self, flow: FlowDefinition, inputs: dict[str, JsonValue], retries: int | None) -> str:
        """Start an execution of this very flow, and return its id. `inputs` are validated."""
        site, exec_id = self._site, self._site.ids.new()
        self._attempts.ready()
        frozen = Spec(
            namespace=NAME,
            name=exec_id,
            uid=exec_id,
            flow=flow.name,
            entrypoint=flow.entrypoint,
            created_at=site.clock.now(),
            inputs=inputs,
            retries=retries,
            file=registry.file_of(flow.function),
        )
        if registry.is_nameless(flow.entrypoint):
            self._nameless[exec_id] = flow
        # Locked before anybody can find it: an execution without a holder counts as died.
        site.locks.acquire(exec_id)
        try:
            site.store.put(site.paths(exec_id).spec, spec.encode(frozen))
            self._attempts.begin(exec_id, flow, frozen)
        except BaseException:
            site.locks.release(exec_id)
            raise
        return exec_id

    def locate(self, exec_id: str) -> Located:
        """Return what the stack knows of the execution, by its id or a unique prefix of it."""
        exec_id = self._resolve(exec_id)
        frozen = self._spec(exec_id)
        head, phase = self._look(exec_id)
        died = phase is Phase.FAILED and head.state is not State.FAILED
        return Located(
            exec_id=exec_id,
            flow=frozen.flow,
            stack=NAME,
            phase=phase,
            paths=self._site.paths(exec_id),
            created_at=frozen.created_at,
            reason=_DIED if died else None,
        )

    def answer(self, exec_id: str, wait: str, value: JsonValue) -> None:
        """Answer an open wait. The execution goes on if its flow is loaded here or a runner stays."""
        exec_id = self._resolve(exec_id)
        decisions.answer(self._site, exec_id, wait, value)
        self._attempts.wake(exec_id)
        self._go_on(exec_id)

    def abort(self, exec_id: str, wait: str) -> None:
        """Abort an open wait, and so end the execution as cancelled."""
        exec_id = self._resolve(exec_id)
        decisions.abort(self._site, exec_id, wait)
        self._end(exec_id, self._head(exec_id), attempts.ABORTED)

    def retry(self, exec_id: str) -> None:
        """Go on with an execution that failed, or whose process ended, in this process."""
        exec_id = self._resolve(exec_id)
        phase = self._look(exec_id)[1]
        self._expire(exec_id)
        if not self._is_decided(exec_id):
            phases.advance(phase, Event.RETRIED, f"Execution {exec_id!r}")
        frozen = self._spec(exec_id)
        flow = self._flow(exec_id, frozen)
        if flow is None:
            raise KitaruStateError(_not_loaded(exec_id, frozen))
        if not self._site.locks.acquire(exec_id):
            message = f"Execution {exec_id} is already being run: wait for it."
            raise KitaruStateError(message)
        self._attempts.begin(exec_id, flow, frozen)

    def cancel(self, exec_id: str) -> None:
        """End the execution; code that runs here stops at its next Kitaru call."""
        exec_id = self._resolve(exec_id)
        head, phase = self._look(exec_id)
        if phases.status_of(phase).is_finished:
            message = f"Execution {exec_id} is {phases.status_of(phase)}: there is nothing to cancel."
            raise KitaruStateError(message)
        self._end(exec_id, head, "It was cancelled.")

    def await_change(self, exec_id: str, timeout: float) -> None:
        """Return when the execution may have changed, or after `timeout` seconds.

        A parked execution that was answered meanwhile goes on here, if its flow is loaded.
        """
        exec_id = self._resolve(exec_id)
        try:
            with self._site.terminal.attended():
                ran_here = self._attempts.wait(exec_id, min(timeout, _LONG_POLL))
            if ran_here:
                return
            # It may have ended between the caller's look and this call: no pause then.
            finished = phases.status_of(self._look(exec_id)[1]).is_finished
            if not finished and not self._go_on(exec_id):
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

    def _go_on(self, exec_id: str) -> bool:
        """Go on with an answered execution that nobody runs; whether this process does."""
        self._expire(exec_id)
        if not self._is_decided(exec_id):
            return False
        frozen = self._spec(exec_id)
        flow = self._flow(exec_id, frozen)
        if flow is None or not self._site.locks.acquire(exec_id):
            return False
        if not self._is_decided(exec_id, held=True):
            self._site.locks.release(exec_id)
            return False
        self._attempts.begin(exec_id, flow, frozen)
        return True

    def _flow(self, exec_id: str, frozen: Spec) -> FlowDefinition | None:
        return self._nameless.get(exec_id) or self._site.flows.find(frozen)

    def _expire(self, exec_id: str) -> None:
        """Have the deadlines that passed decide their waits."""
        for wait in self._head(exec_id).waits:
            decisions.expire(self._site, exec_id, wait)

    def _is_decided(self, exec_id: str, *, held: bool = False) -> bool:
        """Whether nobody runs the execution (unless we hold it) and an open wait was decided."""
        if not held and self._site.locks.is_held(exec_id):
            return False
        head = self._head(exec_id)
        if not (head.state is State.PARKED or head.idle):
            return False
        return bool(decisions.of_open_waits(self._site, exec_id, head))

    def _look(self, exec_id: str) -> tuple[Head, Phase]:
        head = self._head(exec_id)
        held = self._site.locks.is_held(exec_id)
        if not held:
            # Whoever let the lock go wrote its last record before: this look sees it.
            head = self._head(exec_id, head)
        return head, self._phase(exec_id, head, held=held)

    def _phase(self, exec_id: str, head: Head, *, held: bool) -> Phase:
        match head.state:
            case State.COMPLETED:
                return Phase.COMPLETED
            case State.CANCELLED:
                return Phase.CANCELLED
            case State.FAILED:
                return Phase.PENDING if held else Phase.FAILED
            case State.PARKED:
                going = held and decisions.of_open_waits(self._site, exec_id, head)
                return Phase.PENDING if going else Phase.WAITING
            case State.RUNNING:
                if head.idle:
                    return Phase.WAITING
                started = Phase.RUNNING if head.epoch else Phase.PENDING
                return started if held else Phase.FAILED

    def _head(self, exec_id: str, known: Head | None = None) -> Head:
        return log.read_head(self._site.store, self._site.paths(exec_id), known, width=1)

    def _spec(self, exec_id: str) -> Spec:
        body = self._site.store.get(self._site.paths(exec_id).spec)
        if body is None:
            raise _unknown(exec_id)
        return spec.decode(body)

    def _resolve(self, exec_id: str) -> str:
        """Return the full id for an id or a unique prefix of one."""
        if not exec_id or "/" in exec_id:
            raise _unknown(exec_id)
        if self._site.store.head(self._site.paths(exec_id).spec) is not None:
            return exec_id
        root = self._site.paths(exec_id).root
        folder = root.removesuffix(exec_id)
        found: set[str] = set()
        for info in self._site.store.list(root):
            found.add(info.key.removeprefix(folder).partition("/")[0])
            if len(found) > 1:
                message = f"Several executions begin with {exec_id!r}: give more of the id."
                raise LookupError(message)
        if not found:
            raise _unknown(exec_id)
        return found.pop()


def _not_loaded(exec_id: str, frozen: Spec) -> str:
    if registry.is_nameless(frozen.entrypoint):
        return (
            f"The flow of execution {exec_id} was made inside a function ({frozen.entrypoint}), which only the "
            "process that started it can tell from others: define it at the top of a module."
        )
    return (
        f"The flow of execution {exec_id} is not loaded in this process: import "
        f"{frozen.entrypoint} ({frozen.file}), then retry."
    )


def _unknown(exec_id: str) -> LookupError:
    message = f"There is no execution {exec_id!r} on the local stack."
    return LookupError(message)
