"""The contract of the CallCache port: in memory, and on every store with its pointers near or far."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from kitaru.backends.caches import MemoryCache, ObjectCache, Owner
from kitaru.backends.clock import SystemClock
from kitaru.backends.log import ObjectJournal
from kitaru.backends.memory import MemoryStore
from kitaru.backends.pointers import FarPointers, NearPointers, Pointers
from kitaru.backends.sqlite import SqliteStore
from kitaru.backends.values import ObjectArtifacts
from kitaru.core import paths
from kitaru.core.journal import Returned, Reused, Value
from kitaru.core.protocol.writer import Identity
from kitaru.ports import Cached, CallCache, ObjectStore, Opened

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = f"{'a' * 32}/{'b' * 32}"


def returned(data: int, reused: Reused | None = None) -> Returned:
    """Return the record of a call's result."""
    value = Value(codec="json", type="int", size=1, sha256="", data=data)
    return Returned(call="research", value=value, at=NOW, reused=reused)


class Subject(Protocol):
    """A stack's caches, and the logs that they point into."""

    def of(self, execution: str) -> CallCache:
        """Return the cache as an execution sees it."""
        ...

    def commit(self, execution: str, record: Returned) -> int:
        """Write a record to an execution's log; return its slot."""
        ...

    def delete(self, execution: str) -> None:
        """Remove all that an execution left."""
        ...


@dataclass(slots=True)
class InMemory:
    """Caches in memory, which need no log."""

    shelf: dict[str, Cached] = field(default_factory=dict[str, Cached])
    artifacts: MemoryStore = field(default_factory=MemoryStore)

    def of(self, execution: str) -> CallCache:
        kept = ObjectArtifacts(self.artifacts, paths.execution("", "team", execution))
        return MemoryCache(self.shelf, execution, kept)

    def commit(self, execution: str, record: Returned) -> int:
        del execution, record
        return 1

    def delete(self, execution: str) -> None:
        for key in [key for key, found in self.shelf.items() if found.execution == execution]:
            del self.shelf[key]


@dataclass(slots=True)
class OnStore:
    """Caches on an object store."""

    store: ObjectStore
    pointers: Callable[[], Pointers]
    journals: dict[str, ObjectJournal] = field(default_factory=dict[str, ObjectJournal])

    def of(self, execution: str) -> CallCache:
        owner = Owner(prefix="kitaru", namespace="team", uid=f"uid-{execution}", execution=execution)
        return ObjectCache(self.store, owner, self.pointers())

    def commit(self, execution: str, record: Returned) -> int:
        if execution not in self.journals:
            where = paths.execution("kitaru", "team", f"uid-{execution}")
            made = ObjectJournal(self.store, where, Identity(epoch=1, writer=execution), SystemClock())
            assert isinstance(made.open(), Opened)
            self.journals[execution] = made
        return self.journals[execution].append([record])

    def delete(self, execution: str) -> None:
        for info in list(self.store.list(f"kitaru/team/executions/uid-{execution}/")):
            self.store.delete(info.key)


@pytest.fixture
def far(store: ObjectStore) -> Subject:
    """Give caches whose pointers lie on each store, each execution with what it knows of them."""
    return OnStore(store, lambda: FarPointers(store))


@pytest.fixture(params=["memory", "near", "far"])
def subject(request: pytest.FixtureRequest, far: Subject, tmp_path: Path) -> Generator[Subject]:
    """Give the caches of each kind in turn."""
    if request.param == "memory":
        yield InMemory()
    elif request.param == "near":
        with SqliteStore(tmp_path / "near") as store:
            near = NearPointers(store)
            yield OnStore(store, lambda: near)
            near.close()
    else:
        yield far


def keep(subject: Subject, execution: str, record: Returned, key: str = KEY) -> None:
    """Have a call of an execution found under a key."""
    cache = subject.of(execution)
    cache.keep(key, subject.commit(execution, record), record)
    cache.flush()


def found(subject: Subject, execution: str, since: datetime | None = None) -> tuple[str, Returned] | None:
    """Return what an execution finds under the key."""
    made = subject.of(execution).find(KEY, since)
    return None if made is None else (made.execution, made.outcome)


def test_what_another_execution_kept_is_found(subject: Subject) -> None:
    """The record of the other's log is found, with the id of its execution."""
    assert found(subject, "second") is None
    keep(subject, "first", returned(1))
    assert found(subject, "second") == ("first", returned(1))


def test_an_execution_does_not_find_its_own(subject: Subject) -> None:
    """A call that is made twice in one execution runs twice."""
    keep(subject, "first", returned(1))
    assert found(subject, "first") is None


def test_keys_are_kept_apart(subject: Subject) -> None:
    """Under another key of the same checkpoint there is nothing, asked for once or again."""
    keep(subject, "first", returned(1))
    cache = subject.of("second")
    others = [f"{'a' * 32}/{name * 32}" for name in "cde"]
    assert [cache.find(key, None) for key in others] == [None, None, None]
    assert cache.find(KEY, None) is not None


def test_what_was_kept_last_is_found(subject: Subject) -> None:
    """A later call replaces an earlier one under its key."""
    keep(subject, "first", returned(1))
    keep(subject, "second", returned(2))
    assert found(subject, "third") == ("second", returned(2))


@pytest.mark.parametrize(("seconds", "is_there"), [(-1, True), (0, True), (1, False)], ids=["young", "just", "old"])
def test_a_result_can_be_too_old(subject: Subject, seconds: int, *, is_there: bool) -> None:
    """A call that ended before the asked time is not found."""
    keep(subject, "first", returned(1))
    since = NOW + timedelta(seconds=seconds)
    assert (found(subject, "second", since) is not None) is is_there


def test_a_deleted_execution_is_not_found(subject: Subject) -> None:
    """With an execution its results are gone from the cache."""
    keep(subject, "first", returned(1))
    subject.delete("first")
    assert found(subject, "second") is None


def test_only_what_was_computed_is_found(far: Subject) -> None:
    """A pointer to a result that was itself taken from elsewhere is as good as none."""
    keep(far, "first", returned(1, Reused(how="override", execution="x", call="y")))
    assert found(far, "second") is None
