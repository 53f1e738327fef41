"""The contract of `create` when many ask at once: without it, a journal could fork."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kitaru.backends import probe
from kitaru.backends.ids import RandomIds
from kitaru.ports import ObjectStore

RACERS = 16
ROUNDS = 8


def race(stores: list[ObjectStore], key: str, size: int) -> tuple[list[bytes], bytes | None]:
    """Create one key from each store at the same moment; return the winners' bodies and what lies there."""
    start = threading.Barrier(len(stores))

    def run(store: ObjectStore, body: bytes) -> bool:
        start.wait(timeout=30)
        return store.create(key, body)

    bodies = [f"{number:02d}".encode().ljust(size, b".") for number in range(len(stores))]
    with ThreadPoolExecutor(len(stores)) as pool:
        won = list(pool.map(run, stores, bodies))
    winners = [body for body, one in zip(bodies, won, strict=True) if one]
    return winners, stores[0].get(key)


@pytest.mark.parametrize("size", [2, 100_000], ids=["small", "large"])
def test_one_of_many_creates_wins(store: ObjectStore, peer: ObjectStore, size: int) -> None:
    """Of 16 creates of one key at once, by two instances, one is told True, and its content stays."""
    stores = [store, peer] * (RACERS // 2)
    for number in range(ROUNDS):
        winners, content = race(stores, f"log/{number}", size)
        assert winners == [content], f"round {number}"


def test_a_winner_is_seen_at_once(store: ObjectStore, peer: ObjectStore) -> None:
    """A create that was refused can read the winner's content: it is complete before it is seen."""

    def create(number: int) -> bytes | None:
        mine = f"{number}".encode() * 50_000
        here = (store, peer)[number % 2]
        return mine if here.create("log/0", mine) else here.get("log/0")

    with ThreadPoolExecutor(RACERS) as pool:
        seen = set(pool.map(create, range(RACERS)))
    assert seen == {store.get("log/0")}


def test_the_store_is_fit_for_journals(store: ObjectStore) -> None:
    """The probe finds every property that the journal needs, and leaves nothing behind."""
    store.put("team/kept", b"")
    probe.check(store, "team", RandomIds())
    assert [found.key for found in store.list("")] == ["team/kept"]
