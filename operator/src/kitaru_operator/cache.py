"""What the watches have brought, slimmed: the reason why a pass is made, never the reason why it acts.

Executions lose their inputs, because a thousand of them may be as large as all the rest. The newest
resourceVersion wins, whether a watch, a LIST or an own write brought it.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from pydantic import JsonValue

from kitaru.core.phases import Phase
from kitaru.core.resources import model
from kitaru.core.resources.answer import KitaruAnswer
from kitaru.core.resources.execution import KitaruExecution
from kitaru_operator import pods
from kitaru_operator.pods import RunnerPod

#: Namespace and name.
Name: TypeAlias = tuple[str, str]
_OVER: Final = frozenset({Phase.COMPLETED, Phase.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is asked about all executions at once. `versions` are those of its flow that it needs."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    flow: str
    versions: frozenset[int]
    frozen: bool
    phase: Phase | None


@dataclass(frozen=True, slots=True)
class _Kept:
    """An execution as bytes: as an object it would take ten times as much, and ten thousand may only wait."""

    facts: Facts
    body: bytes


@dataclass(frozen=True, slots=True)
class Gone:
    """An execution whose resource was deleted, as it was last seen."""

    execution: KitaruExecution


class Cache:
    """Executions, answers and pods by name. Used from one event loop only."""

    def __init__(self) -> None:
        self._executions: dict[Name, _Kept] = {}
        self._gone: dict[Name, Gone] = {}
        self._answers: dict[Name, KitaruAnswer] = {}
        self._by_execution: defaultdict[Name, set[str]] = defaultdict(set)
        self._pods: dict[Name, RunnerPod] = {}
        self._by_owner: defaultdict[Name, set[str]] = defaultdict(set)

    def execution(self, name: Name) -> KitaruExecution | None:
        """Return the execution without its inputs, None if there is none."""
        kept = self._executions.get(name)
        return None if kept is None else _unpacked(kept)

    def gone(self, name: Name) -> Gone | None:
        """Return what is left to be ended of a deleted execution."""
        return self._gone.get(name)

    def forget(self, name: Name) -> None:
        """Nothing is left to be done for a deleted execution."""
        self._gone.pop(name, None)

    def executions(self) -> Iterator[Facts]:
        """Yield the facts of all executions."""
        return (kept.facts for kept in tuple(self._executions.values()))

    def answers(self, name: Name) -> tuple[KitaruAnswer, ...]:
        """Return the answers that name this execution."""
        return tuple(self._answers[name[0], one] for one in self._by_execution.get(name, ()))

    def pods(self, name: Name) -> tuple[RunnerPod, ...]:
        """Return the pods of this execution."""
        return tuple(self._pods[name[0], one] for one in self._by_owner.get(name, ()))

    def see_execution(self, body: Mapping[str, JsonValue]) -> Name | None:
        """Take an execution in; return its name if that was news, None if it, or a newer one, was known."""
        one = slim(body)
        name = (one.metadata.namespace, one.metadata.name)
        known = self._executions.get(name)
        if known is not None and known.facts.uid != one.metadata.uid:
            self._gone[name] = Gone(_unpacked(known))
        elif known is not None and not _newer(one, known.facts.resource_version):
            return None
        self._executions[name] = _packed(one)
        return name

    def lose_execution(self, name: Name) -> Name | None:
        """The execution's resource is gone; return its name if it was known."""
        kept = self._executions.pop(name, None)
        if kept is None:
            return None
        self._gone[name] = Gone(_unpacked(kept))
        return name

    def see_answer(self, body: Mapping[str, JsonValue]) -> Name | None:
        """Take an answer in; return the name of the execution that it is for if that was news."""
        one = model.read(KitaruAnswer, body)
        name = (one.metadata.namespace, one.metadata.name)
        known = self._answers.get(name)
        if known is not None:
            if known.metadata.uid == one.metadata.uid and not _newer(one, known.metadata.resource_version):
                return None
            self.lose_answer(name)
        owner = (one.metadata.namespace, one.spec.execution)
        self._answers[name] = one
        self._by_execution[owner].add(one.metadata.name)
        return owner

    def lose_answer(self, name: Name) -> Name | None:
        """The answer is gone; return the name of the execution that it was for."""
        one = self._answers.pop(name, None)
        if one is None:
            return None
        owner = (name[0], one.spec.execution)
        _drop(self._by_execution, owner, name[1])
        return owner

    def see_pod(self, body: Mapping[str, JsonValue]) -> Name | None:
        """Take a pod in and return the name of its execution if that was news; None also if it is not ours."""
        pod = pods.read(body)
        if pod is None:
            return None
        name, owner = (pod.namespace, pod.name), (pod.namespace, pod.owner)
        if self._pods.get(name) == pod:
            return None
        self._pods[name] = pod
        self._by_owner[owner].add(pod.name)
        return owner

    def lose_pod(self, name: Name) -> Name | None:
        """The pod is gone; return the name of the execution that it was of."""
        pod = self._pods.pop(name, None)
        if pod is None:
            return None
        owner = (name[0], pod.owner)
        _drop(self._by_owner, owner, name[1])
        return owner

    def names(self) -> tuple[frozenset[Name], frozenset[Name], frozenset[Name]]:
        """Return the names of all executions, answers and pods."""
        return frozenset(self._executions), frozenset(self._answers), frozenset(self._pods)


def slim(body: Mapping[str, JsonValue]) -> KitaruExecution:
    """Return the execution without its inputs."""
    one = model.read(KitaruExecution, body)
    return one.model_copy(update={"spec": one.spec.model_copy(update={"inputs": {}})})


def is_over(execution: KitaruExecution) -> bool:
    """Whether the status says an end that can never turn and nothing is left to report."""
    return execution.status.phase in _OVER and execution.metadata.deletion_timestamp is None


def _packed(one: KitaruExecution) -> _Kept:
    metadata, spec, status = one.metadata, one.spec, one.status
    facts = Facts(
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        resource_version=metadata.resource_version,
        flow=sys.intern(spec.flow),
        versions=frozenset(number for number in (status.version, spec.version) if number),
        frozen=status.spec_digest is not None,
        phase=status.phase,
    )
    return _Kept(facts, one.model_dump_json(by_alias=True, exclude_none=True).encode())


def _unpacked(kept: _Kept) -> KitaruExecution:
    return KitaruExecution.model_validate_json(kept.body)


def _newer(one: KitaruExecution | KitaruAnswer, old: str) -> bool:
    """Resource versions of one kind grow, and can be compared as numbers (KEP-5504); else what comes last wins."""
    new = one.metadata.resource_version
    if not (new.isdecimal() and old.isdecimal()):
        return new != old
    return int(new) > int(old)


def _drop(index: defaultdict[Name, set[str]], owner: Name, name: str) -> None:
    names = index.get(owner)
    if names is not None:
        names.discard(name)
        if not names:
            del index[owner]
