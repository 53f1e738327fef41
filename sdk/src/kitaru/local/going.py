"""Who goes on with an execution: this process when it has the same flow loaded, else a worker process.

Whoever wants to takes the execution's lock first. Of several, in one process or many, one gets it; and it goes on only
if the execution is still where it was when the wish arose, so that two wishes never become two attempts.
"""

from __future__ import annotations

from collections.abc import Callable

from kitaru.core import failures, spec
from kitaru.core.definitions import FlowDefinition
from kitaru.core.head import Head, State
from kitaru.core.spec import Spec
from kitaru.errors import KitaruStateError, KitaruUsageError
from kitaru.local import decisions, launches, loaded, loading, registry
from kitaru.local.attempts import Attempts
from kitaru.local.launches import Started
from kitaru.local.looks import Looks
from kitaru.local.scripts import MainPartReached
from kitaru.local.site import Site


class Going:
    """Begins attempts, here or in a worker."""

    def __init__(self, site: Site, looks: Looks, attempts: Attempts) -> None:
        self._site = site
        self._looks = looks
        self._attempts = attempts
        #: Closures and lambdas that were started here: their entrypoints may be those of others too.
        self._nameless: dict[str, FlowDefinition] = {}
        #: The epoch after which a worker went on with an execution, by its id.
        self._launched: dict[str, int] = {}

    def begin(self, frozen: Spec, flow: FlowDefinition | None = None) -> None:
        """Keep a new execution and have it run: `flow` here, if it is given, else as `again`."""
        if self._site.flows.loading:
            raise MainPartReached
        self._attempts.ready()
        site, exec_id = self._site, frozen.uid
        if flow is not None and registry.is_nameless(flow.entrypoint):
            self._nameless[exec_id] = flow
        flow = flow or self._here(frozen)
        if flow is None:
            launches.checked(site.store.folder, frozen)
        # Locked before anybody can find it: an execution without a holder counts as died.
        site.locks.acquire(exec_id)
        try:
            site.store.put(site.paths(exec_id).spec, spec.encode(frozen))
            if flow is not None:
                self._attempts.begin(exec_id, flow, frozen, Head())
        except BaseException:
            site.locks.release(exec_id)
            raise
        if flow is None:
            site.locks.release(exec_id)
            launches.start(site.store.folder, frozen, 0)

    def nameless(self, exec_id: str) -> FlowDefinition | None:
        """Return the closure or lambda that this process started the execution with."""
        return self._nameless.get(exec_id)

    def again(self, exec_id: str, seen: Head) -> bool:
        """Go on with an execution that nobody runs, as it was in `seen`; False when somebody else was faster.

        Raises `KitaruStateError` when neither this process nor a worker can.
        """
        frozen = self._looks.spec(exec_id)
        flow = self._here(frozen)
        if flow is not None:
            return self._took(exec_id, seen.epoch) and self._began(exec_id, flow, frozen)
        started = launches.start(self._site.store.folder, frozen, seen.epoch) is Started.RUNNING
        if started:
            self._launched[exec_id] = seen.epoch
        return started

    def answered(self, exec_id: str) -> bool:
        """Go on with the execution if an open wait of it was decided and nobody runs it; whether somebody does now.

        Raises `KitaruStateError` when neither this process nor a worker can.
        """
        self.expire(exec_id, self._looks.head(exec_id))
        if not self._looks.is_decided(exec_id):
            return False
        head = self._looks.head(exec_id)
        if self._launched.get(exec_id) == head.epoch:
            # Else whoever waits would start one worker after the other.
            message = f"The worker for execution {exec_id} ended before it began: see `workers` in the store's folder."
            raise KitaruStateError(message)
        return self.again(exec_id, head)

    def expire(self, exec_id: str, head: Head) -> None:
        """Have the deadlines that passed decide their waits."""
        for wait in head.waits:
            decisions.expire(self._site, exec_id, wait)

    def serve(self, exec_id: str, epoch: int | None, told: Callable[[Started], None]) -> None:
        """Go on with the execution as a worker: tell whether it does, and only then load the flow's code."""
        if not self._took(exec_id, epoch):
            told(Started.BUSY)
            return
        told(Started.RUNNING)
        frozen = self._looks.spec(exec_id)
        try:
            flow = loading.load(self._site, frozen)
        except KitaruUsageError as error:
            self._attempts.fail(exec_id, frozen.flow, failures.describe(error))
        else:
            self._began(exec_id, flow, frozen)

    def _here(self, frozen: Spec) -> FlowDefinition | None:
        """Return the flow if this process has it loaded as it was when the execution was started.

        One that was changed since is taken only where no other process can load what lies on disk, as in a notebook.
        A deployed version runs from its bundle, or from what still is the same.
        """
        if frozen.bundle is not None:
            return loaded.here(self._site, frozen)
        flow = self._nameless.get(frozen.uid) or self._site.flows.find(frozen)
        if flow is None or not launches.is_possible(frozen):
            return flow
        if frozen.source is None:
            return None if frozen.bundle else flow
        return flow if self._site.flows.source_of(flow) == frozen.source else None

    def _took(self, exec_id: str, epoch: int | None) -> bool:
        """Take the lock if there is something to go on with after epoch `epoch`, or after any; whether it was taken."""
        if not self._site.locks.acquire(exec_id):
            return False
        head = self._looks.head(exec_id)
        waits = head.state is State.PARKED or head.idle
        gone = head.final or (epoch is not None and head.epoch != epoch)
        if gone or (waits and not self._looks.is_decided(exec_id, held=True)):
            self._site.locks.release(exec_id)
            return False
        return True

    def _began(self, exec_id: str, flow: FlowDefinition, frozen: Spec) -> bool:
        """Begin the attempt; the lock is ours, and is given back when this process begins nothing any more."""
        try:
            self._attempts.begin(exec_id, flow, frozen)
        except BaseException:
            self._site.locks.release(exec_id)
            raise
        return True
