"""What the probe finds wrong with a store, one lacking property at a time."""

import time
from collections.abc import Iterator, Mapping

import pytest

from kitaru.backends import faults, probe
from kitaru.backends.faults import FaultyStore, Request
from kitaru.backends.memory import MemoryStore, SequentialIds
from kitaru.backends.probe import Reason
from kitaru.errors import StoreDeniedError, StoreUnavailableError, StoreUnfitError
from kitaru.ports import ObjectInfo


class Unconditional(MemoryStore):
    """Takes every create."""

    def create(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> bool:
        """Write, whatever is there."""
        self.put(key, body, metadata)
        return True


class Overwriting(MemoryStore):
    """Says no to a second create and writes all the same."""

    def create(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> bool:
        """Write, whatever is there."""
        fresh = self.get(key) is None
        self.put(key, body, metadata)
        return fresh


class Refusing(MemoryStore):
    """Takes no create."""

    def create(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> bool:
        """Refuse."""
        del key, body, metadata
        return False


class Hasty(MemoryStore):
    """Looks first and writes a moment later."""

    def create(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> bool:
        """Write if there was nothing a moment ago."""
        if self.get(key) is not None:
            return False
        time.sleep(0.05)  # the moment, long enough for all racers to have looked
        self.put(key, body, metadata)
        return True


class Haunted(MemoryStore):
    """Has something for every key."""

    def get(self, key: str) -> bytes | None:
        """Return the object, or something else."""
        return super().get(key) or b"ghost"


class Caching(MemoryStore):
    """Reads for ever what it read first."""

    def __init__(self) -> None:
        super().__init__()
        self._cache: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        """Return what was read before, if anything was."""
        found = super().get(key)
        return None if found is None else self._cache.setdefault(key, found)


class Forgetful(MemoryStore):
    """Lists late."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """List all but the newest object."""
        return iter(list(super().list(prefix))[:-1])


class Clinging(MemoryStore):
    """Keeps everything."""

    def delete(self, key: str) -> None:
        """Say yes and do nothing."""


@pytest.mark.parametrize(
    ("store", "reason", "found"),
    [
        pytest.param(
            Unconditional(),
            Reason.CONDITIONAL_WRITES_UNSUPPORTED,
            "accepted a second create",
            id="unconditional",
        ),
        pytest.param(
            Overwriting(),
            Reason.CONDITIONAL_WRITES_UNSUPPORTED,
            "but kept its content",
            id="overwriting",
        ),
        pytest.param(
            Refusing(),
            Reason.CONDITIONAL_WRITES_UNSUPPORTED,
            "refused the first create",
            id="refusing",
        ),
        pytest.param(
            Haunted(),
            Reason.CONDITIONAL_WRITES_UNSUPPORTED,
            "never written",
            id="haunted",
        ),
        pytest.param(Hasty(), Reason.CONDITIONAL_WRITES_NOT_ATOMIC, "at once it accepted", id="hasty"),
        pytest.param(Caching(), Reason.READS_NOT_CURRENT, "just been written", id="caching"),
        pytest.param(Forgetful(), Reason.LISTINGS_NOT_CURRENT, "listing", id="forgetful"),
        pytest.param(Clinging(), Reason.DELETES_NOT_EFFECTIVE, "deleted", id="clinging"),
    ],
)
def test_a_lacking_property_is_named(store: MemoryStore, reason: Reason, found: str) -> None:
    """The error has the property for people and as a reason for conditions."""
    with pytest.raises(StoreUnfitError, match=found) as caught:
        probe.check(store, "team", SequentialIds())
    assert caught.value.reason == reason


def test_lost_replies_do_not_make_a_store_unfit() -> None:
    """A create whose outcome was unknown is sent again and known by its content."""

    def script(request: Request) -> faults.Fault | None:
        odd = request.operation == "create" and request.number % 3 == 0
        return faults.lost_reply() if odd else None

    memory = MemoryStore()
    probe.check(FaultyStore(memory, script), "", SequentialIds())
    assert list(memory.list("")) == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param(faults.denied(), StoreDeniedError, id="denied"),
        pytest.param(faults.unreachable(), StoreUnavailableError, id="unreachable"),
    ],
)
def test_a_store_that_does_not_answer_is_not_judged(fault: faults.Fault, error: type[Exception]) -> None:
    """Nothing is known of it: the store's own error comes through."""
    with pytest.raises(error):
        probe.check(FaultyStore(MemoryStore(), lambda _: fault), "team", SequentialIds())


def test_the_probe_keeps_to_its_folder() -> None:
    """All its keys lie below the folder, in one of the probe's own."""
    store = FaultyStore(MemoryStore(), lambda _: None)
    probe.check(store, "team/", SequentialIds(seed=7))
    root = f"team/probe/{SequentialIds(seed=7).new()}/"
    assert all(request.key.startswith(root) for request in store.requests)
