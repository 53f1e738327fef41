"""A store that fails when it is told to: the faults of a real one, at a place of the test's choice.

store = FaultyStore(MemoryStore(), faults.at(3, faults.lost_reply()))
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from kitaru.errors import StoreDeniedError, StoreUnavailableError
from kitaru.ports import ObjectInfo, ObjectStore

Operation: TypeAlias = Literal["get", "put", "create", "head", "list", "delete"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Request:
    """A request on its way to the store. `number` counts this `FaultyStore`'s requests from 0."""

    operation: Operation
    key: str
    number: int

    @property
    def writes(self) -> bool:
        """Whether the request changes the store."""
        return self.operation in {"put", "create", "delete"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What the caller gets in place of the reply; `took_effect`: whether the store did as asked.

    `error` is any exception: one of the store's errors, or a test's own `BaseException` that
    stands for a crash.
    """

    error: BaseException
    took_effect: bool


#: Says which fault a request meets, None for none. Called for one request at a time.
Script: TypeAlias = Callable[[Request], Fault | None]


def lost_reply() -> Fault:
    """Return the fault in which the store does as asked, and the reply is lost."""
    error = StoreUnavailableError("The reply of the store was lost (a scripted fault).")
    return Fault(error, took_effect=True)


def unreachable() -> Fault:
    """Return the fault in which the request never reaches the store."""
    error = StoreUnavailableError("The store is out of reach (a scripted fault).")
    return Fault(error, took_effect=False)


def denied() -> Fault:
    """Return the fault in which the store refuses the credentials."""
    error = StoreDeniedError("The store refused the credentials (a scripted fault).")
    return Fault(error, took_effect=False)


def crash(error: BaseException, *, took_effect: bool) -> Fault:
    """Return the fault in which the process dies, after or before the store did as asked."""
    return Fault(error, took_effect=took_effect)


def at(number: int, fault: Fault) -> Script:
    """Return the script in which the request with this number, and no other, meets the fault."""
    return lambda request: fault if request.number == number else None


def at_write(number: int, fault: Fault) -> Script:
    """Return the script in which the write with this number, counted from 0, meets the fault."""
    writes = -1

    def script(request: Request) -> Fault | None:
        nonlocal writes
        writes += request.writes
        return fault if request.writes and writes == number else None

    return script


def each(operation: Operation, key: str, *script: Fault | None) -> Script:
    """Return a script for the requests of this operation whose key contains `key`.

    The first of them meets the first entry of `script`, and so on; those after the last go through.
    """
    left = list(script)

    def next_fault(request: Request) -> Fault | None:
        if request.operation != operation or key not in request.key or not left:
            return None
        return left.pop(0)

    return next_fault


class FaultyStore:
    """An object store whose requests pass a script of faults first."""

    def __init__(self, store: ObjectStore, script: Script) -> None:
        self._store = store
        self._script = script
        self._lock = threading.Lock()
        self._requests: list[Request] = []

    @property
    def requests(self) -> tuple[Request, ...]:
        """Every request so far, also those that met a fault."""
        with self._lock:
            return tuple(self._requests)

    def get(self, key: str) -> bytes | None:
        """Return the object's content, unless the script says otherwise."""
        return self._do("get", key, lambda: self._store.get(key))

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Write the object, unless the script says otherwise."""
        return self._do("put", key, lambda: self._store.put(key, body, metadata))

    def create(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> bool:
        """Write the object if there is none, unless the script says otherwise."""
        return self._do("create", key, lambda: self._store.create(key, body, metadata))

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is known of the object, unless the script says otherwise."""
        return self._do("head", key, lambda: self._store.head(key))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Return the objects below the prefix, unless the script says otherwise."""
        return self._do("list", prefix, lambda: self._store.list(prefix))

    def delete(self, key: str) -> None:
        """Remove the object, unless the script says otherwise."""
        return self._do("delete", key, lambda: self._store.delete(key))

    def _do(self, operation: Operation, key: str, request: Callable[[], _T]) -> _T:
        with self._lock:
            made = Request(operation, key, len(self._requests))
            self._requests.append(made)
            fault = self._script(made)
        if fault is None:
            return request()
        if fault.took_effect:
            request()
        raise fault.error
