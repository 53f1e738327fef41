"""The Executions port on Kubernetes: what is asked goes into resources, and the operator does it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from kitaru.backends import kube_inline, kube_listing, kube_located, kube_routes, kube_verdicts, kube_waiting
from kitaru.backends.kube_api import KubeApi
from kitaru.backends.kube_errors import ConflictError, place
from kitaru.core import blobs, names, paths, phases, resuming
from kitaru.core.listing import Query, Row
from kitaru.core.located import Located
from kitaru.core.phases import Event, Phase
from kitaru.core.replay import ReplayStart
from kitaru.core.resources import model
from kitaru.core.resources.answer import AnswerSpec, KitaruAnswer
from kitaru.core.resources.execution import ExecutionSpec, KitaruExecution
from kitaru.core.resources.flow import KitaruFlow
from kitaru.core.resources.model import BlobRef, Model
from kitaru.errors import KitaruBackendError, KitaruFeatureNotAvailableError, KitaruStateError
from kitaru.ports import Clock, ObjectStore, Start

#: Seconds for which a verdict on an answer is waited for.
_PATIENCE: Final = 60.0
#: Tries of a change that meets changes of the operator's.
_TRIES: Final = 10
#: Executions whose last seen version is remembered.
_REMEMBERED: Final = 1000
#: What may not stand in the name of an object.
_UNNAMED: Final = re.compile(r"[^a-z0-9]+")


class KubeExecutions:
    """The executions of one namespace. Threads may share it."""

    def __init__(self, api: KubeApi, store: ObjectStore, clock: Clock) -> None:
        self._api = api
        self._store = store
        self._clock = clock
        self._seen: dict[str, KitaruExecution] = {}

    @property
    def store(self) -> ObjectStore:
        """The bucket in which the journals lie."""
        return self._store

    def start(self, start: Start) -> str:
        """Create a KitaruExecution and return its name.

        Raises `LookupError` for a flow, version or tag that does not exist, and `KitaruUsageError` for inputs that no
        resource can hold; nothing was created then.
        """
        if start.retries is not None:
            message = "retries cannot be given to an execution on Kubernetes: give them to @flow and deploy it."
            raise KitaruFeatureNotAvailableError(message)
        name = names.resource_name(start.flow)
        flow = self._api.find(KitaruFlow, name)
        if flow is None:
            message = f"There is no flow {start.flow!r} in {place(self._api.settings)}: deploy it first."
            raise LookupError(message)
        kube_routes.check(flow, start)
        ref = self._left("inputs", start.inputs)
        spec = ExecutionSpec(flow=name, version=start.version, tag=start.tag, inputs_ref=ref)
        if ref is None:
            spec = spec.model_copy(update={"inputs": start.inputs})
        return self._api.create(KitaruExecution, f"{name}-", spec).metadata.name

    def list(self, query: Query) -> Sequence[Row]:
        """Return what the resources say, the newest first. All of the namespace are read, a page at a time."""
        return kube_listing.rows(self._api.settings, self._api.list(KitaruExecution), query)

    def locate(self, exec_id: str) -> Located:
        """Return what the resource says: found by its name, its uid, or a prefix that no other one has."""
        return kube_located.located(self._api.settings, self._find(exec_id))

    def answer(self, exec_id: str, wait: str, value: JsonValue) -> None:
        """Create a KitaruAnswer under the caller's own name; returns when it is accepted."""
        ref = self._left("value", value)
        self._decide(exec_id, wait, {"value": value} if ref is None else {"valueRef": model.write(ref)})

    def abort(self, exec_id: str, wait: str) -> None:
        """Create a KitaruAnswer that ends the execution; returns when it is stored."""
        self._decide(exec_id, wait, {"abort": True})

    def retry(self, exec_id: str) -> None:
        """Raise `spec.retry` to the number of failures, which grants a failed execution one more try."""

        def asked(execution: KitaruExecution) -> Mapping[str, JsonValue]:
            phases.advance(kube_located.phase(execution), Event.RETRIED, f"Execution {exec_id!r}")
            return {"retry": execution.status.failures}

        self._change(exec_id, asked)

    def replay(self, start: ReplayStart) -> str:
        """Refuse: the operator starts no replays yet."""
        message = (
            f"Execution {start.replay.execution} cannot be replayed on Kubernetes: start a new one with .invoke(...), "
            "or try a failed one again with executions.retry(...)."
        )
        raise KitaruFeatureNotAvailableError(message)

    def resume(self, exec_id: str) -> None:
        """Retry what failed by no doing of its own; the operator goes on by itself with what was answered."""
        seen = kube_listing.seen(self._api.settings, self._store, self._find(exec_id))
        if resuming.is_needed(seen, f"Execution {exec_id!r}") and seen.phase is Phase.FAILED:
            self.retry(exec_id)

    def cancel(self, exec_id: str) -> None:
        """Set `spec.cancel`; the operator ends the execution."""

        def asked(execution: KitaruExecution) -> Mapping[str, JsonValue]:
            phase = kube_located.phase(execution)
            if phases.status_of(phase).is_finished:
                message = f"Execution {exec_id!r} is {_shown(phase)}: only one that is not over can be cancelled."
                raise KitaruStateError(message)
            return {"cancel": True}

        self._change(exec_id, asked)

    def await_change(self, exec_id: str, timeout: float) -> None:
        """Return when the resource was changed since it was last located, or after `timeout` seconds."""
        seen = self._seen.get(exec_id)
        if seen is None:
            self._find(exec_id)
            return
        kube_waiting.changed(self._api, self._clock, seen, timeout)

    def _left(self, what: str, value: JsonValue | Mapping[str, JsonValue]) -> BlobRef | None:
        """Return None for a value that a resource holds; else leave it in the store, and return its reference."""
        if kube_inline.fits(what, value):
            return None
        ref, body = blobs.encode(what, value)
        settings = self._api.settings
        self._store.create(paths.blob(settings.prefix, settings.namespace, ref.sha256), body)
        return ref

    def _find(self, exec_id: str) -> KitaruExecution:
        found = self._api.find(KitaruExecution, exec_id) if exec_id else None
        if found is None:
            found = self._search(exec_id)
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen[exec_id] = self._seen[found.metadata.name] = found
        return found

    def _search(self, exec_id: str) -> KitaruExecution:
        known = kube_located.matching(self._api.list(KitaruExecution), exec_id) if exec_id else []
        if len(known) == 1:
            return known[0]
        where = place(self._api.settings)
        if known:
            several = ", ".join(sorted(one.metadata.name for one in known)[:5])
            message = f"{exec_id!r} stands for {len(known)} executions in {where} ({several}, …): give more of the id."
        else:
            message = f"There is no execution {exec_id!r} in {where}."
        raise LookupError(message)

    def _change(self, exec_id: str, asked: Callable[[KitaruExecution], Mapping[str, JsonValue]]) -> None:
        for _ in range(_TRIES):
            execution = self._find(exec_id)
            try:
                self._api.patch(execution, asked(execution))
            except ConflictError:
                continue
            return
        message = f"Execution {exec_id!r} is changed by others all the time: try again."
        raise KitaruBackendError(message)

    def _decide(self, exec_id: str, wait: str, decision: Mapping[str, JsonValue]) -> None:
        execution = self._find(exec_id).metadata.name
        said = {"execution": execution, "wait": wait, "answeredBy": self._api.user(), **decision}
        spec: Model = model.read(AnswerSpec, said)
        prefix = _UNNAMED.sub("-", f"{wait.lower()}-").lstrip("-") or "answer-"
        answer = self._api.create(KitaruAnswer, prefix, spec)
        done, last = kube_waiting.until(self._api, self._clock, answer, _settled, _PATIENCE)
        if done is None:
            raise _undecided(last)


def _settled(answer: KitaruAnswer) -> bool | None:
    return kube_verdicts.settled(answer) or None


def _undecided(answer: KitaruAnswer) -> KitaruStateError | KitaruBackendError:
    name, why = answer.metadata.name, kube_verdicts.pending(answer)
    if why:
        return KitaruStateError(f"KitaruAnswer {name!r} is still pending: {why}")
    return KitaruBackendError(f"No verdict on KitaruAnswer {name!r} in {_PATIENCE:g} s: see whether the operator runs.")


def _shown(phase: Phase) -> str:
    return phases.status_of(phase).value
