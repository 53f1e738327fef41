"""Whatever value is accepted comes back equal, and of the same type, all the way down."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import UTC, timedelta, timezone
from enum import Enum, Flag
from pathlib import Path, PurePosixPath

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from kitaru.backends.memory import EPOCH
from kitaru.core import classes, encoding, hashing, values
from kitaru.core.journal import Fence, Returned, Slot
from kitaru.core.tagged import UserValue


class Colour(Enum):
    """An enum whose values are no JSON."""

    RED = (1, 0)
    BLUE = "blue"


class Rights(Flag):
    """An enum whose combinations are no members."""

    READ = 1
    WRITE = 2


@dataclass(frozen=True, slots=True)
class Point:
    """A frozen dataclass with a field of any type."""

    x: int
    rest: UserValue = None


@dataclass
class Bag:
    """A dataclass that refuses what its constructor is given."""

    items: list[UserValue] = field(default_factory=list[UserValue])

    def __post_init__(self) -> None:
        self.items = [*self.items, "extra"]


class Model(BaseModel):
    """A model with a field of any type, and extra ones."""

    model_config = {"extra": "allow", "arbitrary_types_allowed": True}

    number: int
    rest: UserValue = None


_ZONES = st.one_of(
    st.none(),
    st.just(UTC),
    st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours))),
    st.just(timezone(timedelta(hours=1), "named")),
    st.timezones(),
)
_TEXT = st.text(st.characters(), max_size=5)
_HASHABLE: st.SearchStrategy[Hashable] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    _TEXT,
    st.binary(max_size=5),
    st.dates(),
    st.datetimes(timezones=_ZONES),
    st.times(timezones=st.just(UTC) | st.none()),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.sampled_from([*Colour, *Rights, Rights.READ | Rights.WRITE]),
    st.sampled_from([Path("/a/b"), Path("c"), PurePosixPath("/d")]),
    st.integers().map(Point),
    st.complex_numbers(allow_nan=False),
)
_LEAVES = st.one_of(_HASHABLE, st.just("$kitaru"), st.builds(bytearray, st.binary(max_size=3)))
VALUES: st.SearchStrategy[UserValue] = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(_TEXT | st.just("$kitaru"), inner, max_size=3),
        st.dictionaries(_HASHABLE, inner, max_size=3),
        st.sets(_HASHABLE, max_size=3),
        st.frozensets(_HASHABLE, max_size=3),
        st.builds(Point, st.integers(), inner),
        st.builds(Bag, st.lists(inner, max_size=2)),
        st.builds(Model, number=st.integers(), rest=inner, more=inner),
    ),
    max_leaves=8,
)


def types(value: UserValue) -> UserValue:
    """Return the types inside a value: 1 and True are equal, and must not become each other."""
    kind = classes.of(value)
    if kind is dict:
        return [kind, *sorted((repr(key), str(types(one))) for key, one in value.items())]
    if kind in {list, tuple}:
        return [kind, *(types(one) for one in value)]
    if kind in {set, frozenset}:
        return [kind, *sorted(str(types(one)) for one in value)]
    return [kind, types(value.rest)] if kind in {Point, Model} else kind


@given(VALUES)
def test_value_survives_the_journal(value: UserValue) -> None:
    """Encoded, written in a slot, read and decoded, it is equal and of the same types."""
    kept = values.encode(value, "value").keep()
    record = Returned(call="one", value=kept, at=EPOCH)
    slot = Slot(epoch=1, writer="w", id="s", records=(Fence(at=EPOCH), record))
    read = encoding.decode_slot(encoding.encode_slot(slot)).records[1]
    assert isinstance(read, Returned)
    back = values.decode(read.value, allow_pickle=True)
    assert back == value
    assert types(back) == types(value)


@given(VALUES)
def test_value_survives_as_an_artifact(value: UserValue) -> None:
    """Encoded bytes give the value back too."""
    encoded = values.encode(value, "value")
    back = values.decode(encoded.keep("artifact"), encoded.body, allow_pickle=True)
    assert back == value


@given(VALUES)
def test_encoding_settles(value: UserValue) -> None:
    """What was read back is written as it was: a replay's result has the hash of the first run's."""
    encoded = values.encode(value, "value")
    if encoded.codec == "json":
        back = values.decode(encoded.keep(), allow_pickle=False)
        assert json.loads(values.encode(back, "value").body) == json.loads(encoded.body)


@given(VALUES)
def test_equal_inputs_have_equal_hashes(value: UserValue) -> None:
    """A call is found again by the content of its inputs, after they went through the journal."""
    back = values.decode(values.encode(value, "value").keep(), allow_pickle=True)
    assert hashing.of_arguments("call", {"a": value}) == hashing.of_arguments("call", {"a": back})


@given(st.dictionaries(_TEXT, st.integers(), min_size=2, max_size=5))
def test_order_of_keys_does_not_count(value: dict[str, int]) -> None:
    """Two mappings with the same items are the same input."""
    other = dict(reversed(value.items()))
    assert hashing.of_arguments("call", {"a": value}) == hashing.of_arguments("call", {"a": other})


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_floats_are_exact(value: float) -> None:
    """Every float comes back, bit for bit as far as Python tells."""
    back = values.decode(values.encode(value, "value").keep(), allow_pickle=False)
    assert math.isnan(value) == math.isnan(back)
    assert math.isnan(value) or (back == value and math.copysign(1, back) == math.copysign(1, value))
