"""What a taken result brings along, and results that cannot be taken any more."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final

import pytest

from kitaru.artifacts import save
from kitaru.checkpoints import checkpoint
from kitaru.core import encoding
from kitaru.core.journal import Returned
from kitaru.core.tagged import UserValue
from kitaru.logs import log
from tests.laws.kit import Bench
from tests.unit.kitaru.engine.caches import RAN, after, first, returned

BIG: Final = "x" * 100_000


class Opaque:
    """A value that can only be pickled."""

    def __init__(self, text: str) -> None:
        self.text = text


@checkpoint
def rich(text: str) -> str:
    """Keep something beside a large result."""
    RAN.append(text)
    save("big", BIG + "saved")
    save("small", {"a": 1}, tags=["t"])
    log(cost=3)
    return BIG + text


@checkpoint
def pickled(text: str) -> Opaque:
    """Return what can only be pickled."""
    RAN.append(text)
    return Opaque(text)


def test_what_a_call_kept_comes_along() -> None:
    """Saved values, metadata and a large result are the new execution's own: the old one can be deleted."""

    def flow() -> UserValue:
        return len(rich("a"))

    one = first(flow)
    two = after(one)
    assert RAN == []
    for info in list(one.store.list(f"{one.paths.root}/")):
        one.store.delete(info.key)
    [record] = returned(two)
    assert record.logged == {"cost": 3}
    assert [(saved.name, saved.tags) for saved in record.saved] == [("big", ()), ("small", ("t",))]
    for value in (record.value, record.saved[0].value):
        body = two.store.get(two.paths.artifact(value.artifact or ""))
        assert body is not None
        assert len(body) == value.size
    three = after(one)
    assert RAN == ["a"]
    assert returned(three)[0].reused is None


def _lose_artifacts(bench: Bench) -> None:
    for info in list(bench.store.list(f"{bench.paths.root}/artifacts/")):
        bench.store.delete(info.key)


def _damage_artifacts(bench: Bench) -> None:
    for info in list(bench.store.list(f"{bench.paths.root}/artifacts/")):
        bench.store.put(info.key, b'"other"')


def _delete_log(bench: Bench) -> None:
    for info in list(bench.store.list(f"{bench.paths.root}/log/")):
        bench.store.delete(info.key)


def _damage_log(bench: Bench) -> None:
    for info in list(bench.store.list(f"{bench.paths.root}/log/")):
        bench.store.put(info.key, b"{}")


def _damage_pointers(bench: Bench) -> None:
    for info in list(bench.store.list("test/cache/")):
        bench.store.put(info.key, b"[1]")


def _pickle_elsewhere(bench: Bench) -> None:
    for number, slot in enumerate(bench.slots()):
        records = [
            dataclasses.replace(one, value=dataclasses.replace(one.value, python="3.9.0"))
            if isinstance(one, Returned)
            else one
            for one in slot.records
        ]
        body = encoding.encode_slot(dataclasses.replace(slot, records=tuple(records)))
        bench.store.put(bench.paths.slot(number), body)


@pytest.mark.parametrize(
    ("harm", "made"),
    [
        (_lose_artifacts, rich),
        (_damage_artifacts, rich),
        (_delete_log, rich),
        (_damage_log, rich),
        (_damage_pointers, rich),
        (_pickle_elsewhere, pickled),
    ],
    ids=["artifact-lost", "artifact-damaged", "log-deleted", "log-damaged", "pointer-damaged", "other-python"],
)
def test_what_cannot_be_read_is_not_there(harm: Callable[[Bench], None], made: Callable[[str], UserValue]) -> None:
    """Whatever is wrong with a result that was found, the function runs, and the flow sees nothing of it."""

    def flow() -> UserValue:
        return bool(made("a"))

    one = first(flow)
    harm(one)
    after(one)
    assert RAN == ["a"]


def test_a_pickled_result_is_taken_by_the_same_python() -> None:
    """A result that JSON does not carry is taken too."""

    def flow() -> UserValue:
        return pickled("a").text

    after(first(flow))
    assert RAN == []
