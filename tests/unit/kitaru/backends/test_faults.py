"""The store that fails by script: what a test can make a store do."""

import pytest

from kitaru.backends import faults
from kitaru.backends.faults import Fault, FaultyStore, Request
from kitaru.backends.memory import MemoryStore
from kitaru.errors import StoreDeniedError, StoreUnavailableError
from kitaru.ports import ObjectInfo


class Crash(BaseException):
    """The process dies."""


@pytest.mark.parametrize(
    ("fault", "error", "written"),
    [
        pytest.param(faults.lost_reply(), StoreUnavailableError, b"1", id="lost-reply"),
        pytest.param(faults.unreachable(), StoreUnavailableError, None, id="unreachable"),
        pytest.param(faults.denied(), StoreDeniedError, None, id="denied"),
        pytest.param(faults.crash(Crash(), took_effect=True), Crash, b"1", id="crash-after-the-write"),
        pytest.param(faults.crash(Crash(), took_effect=False), Crash, None, id="crash-before-the-write"),
    ],
)
def test_a_fault_says_whether_the_write_took_effect(
    fault: Fault, error: type[BaseException], written: bytes | None
) -> None:
    """The caller meets the error; the store has the write or has it not."""
    memory = MemoryStore()
    with pytest.raises(error):
        FaultyStore(memory, faults.at(0, fault)).create("a", b"1")
    assert memory.get("a") == written


def test_without_a_fault_the_store_is_the_store() -> None:
    """Every operation goes through, and is remembered in order."""
    store = FaultyStore(MemoryStore(), lambda _: None)
    store.put("a", b"1", {"k": "v"})
    assert store.create("b", b"2") is True
    assert store.get("a") == b"1"
    assert store.head("a") == ObjectInfo(key="a", size=1, metadata={"k": "v"})
    assert [found.key for found in store.list("")] == ["a", "b"]
    store.delete("a")
    assert store.requests == (
        Request("put", "a", 0),
        Request("create", "b", 1),
        Request("get", "a", 2),
        Request("head", "a", 3),
        Request("list", "", 4),
        Request("delete", "a", 5),
    )


def test_writes_are_counted_apart() -> None:
    """`at_write` passes over reads, so a law can fail after the n-th write wherever reads lie."""
    store = FaultyStore(MemoryStore(), faults.at_write(1, faults.unreachable()))
    store.get("a")
    store.put("a", b"1")
    store.get("a")
    with pytest.raises(StoreUnavailableError):
        store.delete("a")
    store.delete("a")


def test_a_script_for_a_key_goes_on_by_itself() -> None:
    """`each` deals its entries to the matching requests, None letting one through."""
    script = faults.each("create", "log/", faults.unreachable(), None, faults.lost_reply())
    store = FaultyStore(MemoryStore(), script)
    assert store.create("epoch/1", b"") is True
    with pytest.raises(StoreUnavailableError):
        store.create("log/0", b"")
    assert store.create("log/0", b"") is True
    with pytest.raises(StoreUnavailableError):
        store.create("log/1", b"")
    assert store.create("log/1", b"") is False
