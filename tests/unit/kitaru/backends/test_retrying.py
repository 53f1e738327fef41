"""The one policy of retries before a store."""

from collections.abc import Callable, Iterator

import pytest

from kitaru.backends import faults
from kitaru.backends.faults import FaultyStore
from kitaru.backends.memory import FakeClock, MemoryStore
from kitaru.backends.retrying import RetryingStore
from kitaru.errors import StoreDeniedError, StoreUnavailableError
from kitaru.ports import ObjectInfo, ObjectStore


def seeded() -> MemoryStore:
    """Return a store with one object."""
    store = MemoryStore()
    store.put("a", b"1")
    return store


Asked = Callable[[ObjectStore], object]
REQUESTS: list[tuple[str, Asked, object]] = [
    ("get", lambda store: store.get("a"), b"1"),
    ("put", lambda store: store.put("b", b"2"), None),
    ("head", lambda store: store.head("a"), ObjectInfo(key="a", size=1)),
    ("list", lambda store: list(store.list("")), [ObjectInfo(key="a", size=1)]),
    ("delete", lambda store: store.delete("a"), None),
]


@pytest.mark.parametrize(
    ("ask", "expected"),
    [pytest.param(ask, expected, id=name) for name, ask, expected in REQUESTS],
)
def test_a_request_without_an_answer_is_sent_again(ask: Asked, expected: object) -> None:
    """Two failures later the caller has the reply and knows nothing of them."""
    script = [faults.unreachable(), faults.lost_reply()]
    faulty = FaultyStore(seeded(), lambda one: script[one.number] if one.number < 2 else None)
    clock = FakeClock()
    assert ask(RetryingStore(faulty, clock)) == expected
    assert clock.slept == (0.05, 0.1)


def test_a_create_is_sent_once() -> None:
    """Sent again, a create whose reply was lost would be told that another one was first."""
    faulty = FaultyStore(MemoryStore(), faults.at(0, faults.lost_reply()))
    store = RetryingStore(faulty, FakeClock())
    with pytest.raises(StoreUnavailableError):
        store.create("a", b"1")
    assert len(faulty.requests) == 1
    assert store.get("a") == b"1"


def test_patience_ends() -> None:
    """The error comes through once the next pause would be longer than the patience left."""
    clock = FakeClock()
    store = RetryingStore(FaultyStore(seeded(), lambda _: faults.unreachable()), clock, 1.0)
    with pytest.raises(StoreUnavailableError):
        store.get("a")
    assert clock.slept == (0.05, 0.1, 0.2, 0.4)


def test_a_refusal_is_not_asked_twice() -> None:
    """What another try cannot change is raised at once."""
    clock = FakeClock()
    store = RetryingStore(FaultyStore(seeded(), lambda _: faults.denied()), clock)
    with pytest.raises(StoreDeniedError):
        store.get("a")
    assert clock.slept == ()


def test_a_listing_that_breaks_off_tells_each_object_once() -> None:
    """After a failure between two objects, the listing goes on where it was."""
    memory = MemoryStore()
    for key in "abcd":
        memory.put(key, b"")
    broken = BreakingOff(memory)
    listed = [found.key for found in RetryingStore(broken, FakeClock()).list("")]
    assert listed == ["a", "b", "c", "d"]
    assert broken.listings == 2


class BreakingOff(MemoryStore):
    """A store whose first listing breaks off after two objects."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__()
        self._store = store
        self.listings = 0

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """List, two objects at first."""
        self.listings += 1
        for place, found in enumerate(self._store.list(prefix)):
            if self.listings == 1 and place == 2:
                message = "The connection broke."
                raise StoreUnavailableError(message)
            yield found
