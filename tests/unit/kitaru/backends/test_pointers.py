"""Objects that nobody waits for: written later, and asked for rarely."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from kitaru.backends.faults import Fault, FaultyStore, Request, denied
from kitaru.backends.memory import MemoryStore
from kitaru.backends.pointers import FarPointers, Later, NearPointers
from kitaru.backends.sqlite import SqliteStore
from kitaru.errors import StoreUnavailableError


class Writes:
    """Takes what is written, once it may."""

    def __init__(self) -> None:
        self.taken: list[dict[str, bytes]] = []
        self.may = threading.Event()
        self.began = threading.Event()

    def __call__(self, objects: Mapping[str, bytes]) -> None:
        self.began.set()
        assert self.may.wait(10), "the test did not let the write go on"
        self.taken.append(dict(objects))


def test_the_newest_of_a_key_is_written() -> None:
    """What is written while a write is on its way goes together, the last of each key."""
    writes = Writes()
    later = Later(writes, 0.0)
    later.put("a", b"1")
    assert writes.began.wait(10)
    for key, body in [("b", b"1"), ("b", b"2"), ("c", b"1")]:
        later.put(key, body)
    assert [later.waiting(key) for key in "abcd"] == [b"1", b"2", b"1", None]
    writes.may.set()
    later.flush()
    assert writes.taken == [{"a": b"1"}, {"b": b"2", "c": b"1"}]
    assert later.waiting("b") is None


def test_flush_does_not_wait_for_the_period() -> None:
    """What is gathered for a while is written at once when somebody leaves."""
    writes = Writes()
    writes.may.set()
    later = Later(writes, 600.0)
    later.put("a", b"1")
    later.flush()
    assert writes.taken == [{"a": b"1"}]


def test_a_refused_write_is_lost_and_the_next_is_made() -> None:
    """A store that is away for a while costs what was written meanwhile."""
    taken: list[Mapping[str, bytes]] = []

    def write(objects: Mapping[str, bytes]) -> None:
        if "a" in objects:
            message = "away"
            raise StoreUnavailableError(message)
        taken.append(objects)

    later = Later(write, 0.0)
    for key in "ab":
        later.put(key, b"1")
        later.flush()
    assert taken == [{"b": b"1"}]


def test_near_pointers_are_there_at_once_and_last(tmp_path: Path) -> None:
    """In the process that put it, an object is there; after the close, in every other."""
    with SqliteStore(tmp_path) as store:
        near = NearPointers(store)
        near.put("cache/a/b", b"1")
        assert near.get("cache/a/b") == b"1"
        near.close()
        with SqliteStore(tmp_path) as other:
            assert other.get("cache/a/b") == b"1"


def test_far_pointers_of_a_loop_are_listed_once() -> None:
    """The first key of a checkpoint is asked for; from the second on, only what its list has."""
    store = FaultyStore(MemoryStore(), lambda _: None)
    store.put("cache/a/3", b"3")
    far = FarPointers(store)
    assert [far.get(f"cache/a/{number}") for number in range(5)] == [None, None, None, b"3", None]
    asked = [(request.operation, request.key) for request in store.requests]
    assert asked[1:] == [("get", "cache/a/0"), ("list", "cache/a/"), ("get", "cache/a/3")]


@pytest.mark.parametrize("kind", ["refused", "long"])
def test_far_pointers_that_cannot_be_listed_are_asked_for(kind: str) -> None:
    """Where listing is not permitted, or the list is long, each key is asked for."""
    store = MemoryStore()
    for number in range(1001 if kind == "long" else 5):
        store.put(f"cache/a/{number}", b"1")

    def script(request: Request) -> Fault | None:
        return denied() if kind == "refused" and request.operation == "list" else None

    far = FarPointers(FaultyStore(store, script))
    assert [far.get(f"cache/a/{number}") for number in range(5)] == [b"1"] * 5
