"""Journals that were written once replay for ever: nothing of them runs again, their results stand.

A file of `tests/golden/journal/v1` is a log, one slot a line, that ends parked at a wait called
"last". A flow and its file stay as they are once they are committed; `--update-golden` writes only
files that do not exist.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from pydantic import BaseModel, JsonValue

from kitaru.artifacts import save
from kitaru.checkpoints import checkpoint, current_call
from kitaru.core import encoding
from kitaru.core.retrying import Retry
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Completed, Parked
from kitaru.errors import KitaruTimeoutError, KitaruWaitExpiredError
from kitaru.logs import log
from kitaru.waits import wait
from tests.laws.kit import Bench, affect, pass_time

ROOT: Final = Path(__file__).parents[4]
FOLDER: Final = ROOT / "tests" / "golden" / "journal" / "v1"


class Colour(Enum):
    """An enum."""

    RED = "red"


@dataclass(frozen=True, slots=True)
class Point:
    """A dataclass."""

    x: int
    tags: tuple[str, ...] = ()


class Draft(BaseModel):
    """A model."""

    text: str
    points: list[Point] = []


class RefusedError(Exception):
    """An exception with a constructor of its own."""

    def __init__(self, code: int, *, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code


@checkpoint(type="tool_call")
def double(number: int) -> int:
    """Double it."""
    affect("double", number)
    save("seen", number, tags=["a"])
    log(numbers={"last": number})
    return number * 2


@checkpoint(retries=2)
def stumble(number: int) -> int:
    """Succeed in the third try."""
    affect("stumble", number)
    if current_call().number < 3:
        raise RefusedError(number, why="not yet")
    return number


@checkpoint(retries=Retry(2, delay=3, jitter=0), timeout=60)
def pausing(number: int) -> int:
    """Succeed in the third try."""
    affect("pausing", number)
    if current_call().number < 3:
        raise RefusedError(number, why="not yet")
    return number * 10


@checkpoint(timeout=5)
def endless(number: int) -> int:
    """Take longer than it may."""
    affect("endless", number)
    pass_time(5)
    while current_call().number:
        threading.Event().wait(0.001)
    return number


@checkpoint
def refuse(number: int) -> int:
    """Fail."""
    affect("refuse", number)
    raise RefusedError(number, why="no")


@checkpoint
async def triple(number: int) -> int:
    """Triple it."""
    await asyncio.sleep(0)
    affect("triple", number)
    return number * 3


@checkpoint
def every_kind(seed: int) -> UserValue:
    """Return values of all kinds."""
    affect("every_kind", seed)
    return kinds_of_value()


def kinds_of_value() -> UserValue:
    """Return one value of each kind that the codec knows."""
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    return [
        {"none": None, "true": True, "int": 2**70, "float": 1.5, "inf": float("-inf")},
        {1: ("a", b"b"), "$kitaru": {Colour.RED}, "frozen": frozenset({1})},
        [moment, moment.date(), moment.time(), timedelta(days=1, microseconds=2)],
        [Decimal("1.10"), UUID(int=7), Path("/a/b"), "\ud800", 3 + 4j],
        [Point(1, ("x",)), Draft(text="t", points=[Point(2)])],
    ]


def sequential() -> UserValue:
    """Make calls of all sorts one after the other."""
    log(stage="first", cost={"a": 1})
    numbers = [double(1), double(1), double(2, id="mine"), stumble(3)]
    try:
        refuse(4)
    except RefusedError as error:
        numbers.append(error.code)
    wait(name="last")
    return numbers


def submitted() -> UserValue:
    """Make calls beside the body."""
    futures = [double.submit(one) for one in (1, 2)]
    chained = double.submit(futures[0])
    wait(name="last")
    return [one.result() for one in (*futures, chained)]


async def concurrent() -> UserValue:
    """Make calls in tasks."""

    async def branch(number: int) -> int:
        return await triple(await triple(number))

    found = await asyncio.gather(*(branch(one) for one in (1, 2)), triple(5))
    await wait.submit(name="last")
    return list(found)


def waits() -> UserValue:
    """Ask several things."""
    first = wait(Draft, name="ask", question="What?", metadata={"n": 1})
    late = wait(int, name="ask", deadline=timedelta(hours=1), default=9)
    found: list[UserValue] = [first.text, late]
    try:
        wait(int, name="never", deadline=timedelta(hours=2))
    except KitaruWaitExpiredError as error:
        found.append(error.wait)
    wait(name="last")
    return found


def limited() -> UserValue:
    """Make calls with pauses between their tries, and with time limits."""
    found: list[UserValue] = [pausing(1)]
    try:
        endless(2)
    except KitaruTimeoutError as error:
        found.append(error.timeout)
    wait(name="last")
    return found


def values() -> UserValue:
    """Return whether the values came back."""
    found = every_kind(1)
    wait(name="last")
    return found == kinds_of_value()


@dataclass(frozen=True, slots=True)
class Golden:
    """A flow, what is stored for its waits on the way, and its result."""

    flow: Callable[..., UserValue]
    result: JsonValue
    answers: dict[str, JsonValue] | None = None
    expired: tuple[str, ...] = ()


GOLDEN: Final = {
    "sequential": Golden(sequential, [2, 2, 4, 3, 4]),
    "submitted": Golden(submitted, [2, 4, 4]),
    "concurrent": Golden(concurrent, [9, 18, 15]),
    "limited": Golden(limited, [10, 5.0]),
    "waits": Golden(waits, ["draft", 9, "never"], {"ask": {"text": "draft"}}, ("ask_2", "never")),
    "values": Golden(values, result=True),
}


def record(golden: Golden) -> str:
    """Run the flow up to its last wait, and return its log."""
    bench = Bench(golden.flow)
    for wait_id, answer in (golden.answers or {}).items():
        bench.answer(wait_id, answer)
    for wait_id in golden.expired:
        bench.expire(wait_id)
    outcome = bench.attempt()
    assert isinstance(outcome, Parked)
    text = "".join(f"{encoding.encode_slot(one).decode()}\n" for one in bench.slots())
    return text.replace(f"{ROOT}/", "")


@pytest.mark.parametrize("name", GOLDEN)
def test_recorded_journal_replays(name: str, request: pytest.FixtureRequest) -> None:
    """The log is read, nothing runs again, and the flow's result is what it was."""
    golden, path = GOLDEN[name], FOLDER / f"{name}.jsonl"
    if request.config.getoption("--update-golden") and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(record(golden), encoding="utf-8")
    bench = Bench(golden.flow, epoch=1)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        bench.store.create(bench.paths.slot(number), line.encode())
    bench.answer("last", None)
    outcome = bench.attempt()
    assert isinstance(outcome, Completed), outcome
    assert outcome.value.data == golden.result
    assert not bench.effects


@pytest.mark.parametrize("name", [one for one, golden in GOLDEN.items() if golden.answers is None])
def test_a_replay_of_a_recorded_journal(name: str) -> None:
    """From each of its calls on: the result is what it was, and what comes before is copied."""
    source = Bench(GOLDEN[name].flow, epoch=1)
    for number, line in enumerate((FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()):
        source.store.create(source.paths.slot(number), line.encode())
    for call in source.history().calls:
        bench = source.replayed(call)
        assert isinstance(bench.attempt(), Parked)
        bench.answer("last", None)
        outcome = bench.attempt()
        assert isinstance(outcome, Completed), outcome
        assert outcome.value.data == GOLDEN[name].result
        assert {one.name for one in bench.effects} <= {one.place.name for one in source.history().calls.values()}
        assert bench.history().calls[call].outcome


@pytest.mark.parametrize("name", GOLDEN)
def test_recorded_slots_are_written_alike(name: str) -> None:
    """Each slot that is read and written again says the same."""
    for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        slot = encoding.decode_slot(line.encode())
        assert encoding.decode_slot(encoding.encode_slot(slot)) == slot


def test_every_file_has_its_flow() -> None:
    """No recorded journal is left without a test."""
    assert {one.stem for one in FOLDER.glob("*.jsonl")} == set(GOLDEN)
