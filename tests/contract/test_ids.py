"""The contract of the Ids port."""

import re

import pytest

from kitaru.backends.ids import RandomIds
from kitaru.backends.memory import SequentialIds
from kitaru.ports import Ids

each_source = pytest.mark.parametrize(
    "ids",
    [pytest.param(RandomIds(), id="random"), pytest.param(SequentialIds(), id="sequential")],
)


@each_source
def test_ids_are_128_bits_in_hex(ids: Ids) -> None:
    """Every id can stand in a key, a label and a name."""
    assert re.fullmatch(r"[0-9a-f]{32}", ids.new())


@each_source
def test_no_id_comes_twice(ids: Ids) -> None:
    """A thousand ids are a thousand."""
    assert len({ids.new() for _ in range(1_000)}) == 1_000


def test_sequential_ids_are_the_same_in_each_run() -> None:
    """The seed tells two sources apart, the count two ids."""
    assert [SequentialIds(seed=2).new(), SequentialIds(seed=2).new()] == [f"{2:016x}{1:016x}"] * 2
    assert SequentialIds(seed=1).new() != SequentialIds(seed=2).new()
