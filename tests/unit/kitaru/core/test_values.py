"""The codec's edges: what it refuses, what it says, what an older value becomes."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import pytest
from pydantic import BaseModel

from kitaru.core import untagged, values
from kitaru.core.journal import Value
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruSerializationError


class Colour(Enum):
    """Some colours."""

    RED = 1


@dataclass
class Point:
    """A dataclass that gained fields."""

    x: int
    y: int = 7
    tags: list[UserValue] = field(default_factory=list[UserValue])


class Model(BaseModel):
    """A model that gained a field."""

    a: int
    b: int = 8


class Unpicklable:
    """Can be pickled, and then not be read."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return int, ("x",)


@pytest.mark.parametrize(
    ("value", "codec"),
    [
        pytest.param({"a": [1, (2, {3})]}, "json", id="plain"),
        pytest.param(Point(1), "json", id="dataclass"),
        pytest.param(Model(a=1), "json", id="model"),
        pytest.param(Colour.RED, "json", id="enum"),
        pytest.param(3 + 4j, "pickle", id="complex"),
        pytest.param(len, "pickle", id="function"),
        pytest.param([[[[1]]]] * 2, "json", id="nested"),
    ],
)
def test_codec(value: UserValue, codec: str) -> None:
    """JSON is for what it carries exactly, pickle for the rest."""
    encoded = values.encode(value, "value")
    assert encoded.codec == codec
    assert (encoded.keep().python is not None) == (codec == "pickle")


def deep(levels: int) -> list[UserValue]:
    """Return lists within lists."""
    value: list[UserValue] = []
    for _ in range(levels):
        value = [value]
    return value


def circle() -> list[UserValue]:
    """Return a list that contains itself."""
    value: list[UserValue] = []
    value.append(value)
    return value


@pytest.mark.parametrize("value", [deep(100), circle()], ids=["deep", "circle"])
def test_what_json_cannot_nest_is_pickled(value: UserValue) -> None:
    """JSON readers stop at some depth; a circle has no end."""
    encoded = values.encode(value, "value")
    assert encoded.codec == "pickle"
    back = values.decode(encoded.keep(), allow_pickle=True)
    assert type(back) is list


@pytest.mark.parametrize(
    ("value", "path"),
    [
        pytest.param(threading.Lock(), "", id="itself"),
        pytest.param({"items": [1, {"k": threading.Lock()}]}, '["items"][1]["k"]', id="nested"),
        pytest.param((1, {threading.Lock()}), "[1]{…}", id="in a set"),
        pytest.param(Point(1, tags=[threading.Lock()]), ".tags[0]", id="in a dataclass"),
    ],
)
def test_unserialisable_value_is_named(value: UserValue, path: str) -> None:
    """The message has the path of the part that cannot be kept, and its type."""
    with pytest.raises(KitaruSerializationError) as caught:
        values.encode(value, "fetch → result")
    assert str(caught.value).startswith(f"fetch → result{path} cannot be kept: _thread.lock")


def test_pickle_is_refused_unless_allowed() -> None:
    """Whoever must not unpickle is told so, with the type."""
    kept = values.encode(3 + 4j, "value").keep()
    with pytest.raises(KitaruSerializationError, match=r"type complex is pickled.*allow_pickle=True"):
        values.decode(kept, allow_pickle=False)


def test_pickle_that_does_not_come_back() -> None:
    """The error names the type and both Pythons."""
    kept = values.encode([Unpicklable()], "value").keep()
    with pytest.raises(KitaruSerializationError, match="type list, pickled by Python 3"):
        values.decode(kept, allow_pickle=True)


@pytest.mark.parametrize("data", [None, "no base64!"])
def test_damaged_pickle(data: str | None) -> None:
    """A value that lost its bytes is an error that says where they may be."""
    kept = dataclasses.replace(values.encode(3 + 4j, "value").keep(), data=data)
    with pytest.raises(KitaruSerializationError, match="damaged"):
        values.decode(kept, allow_pickle=True)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param({"$kitaru": "new"}, "kind 'new' is unknown", id="newer kind"),
        pytest.param({"$kitaru": "enum", "class": "nowhere:X", "name": "A"}, "class nowhere:X", id="module"),
        pytest.param({"$kitaru": "dataclass", "class": "builtins:int", "fields": {}}, "no such", id="kind"),
        pytest.param(
            {"$kitaru": "enum", "class": f"{__name__}:Colour", "name": "GREEN"},
            "no member GREEN",
            id="member",
        ),
    ],
)
def test_unreadable(data: UserValue, words: str) -> None:
    """What is not known here is named."""
    with pytest.raises(KitaruSerializationError, match=words):
        untagged.decode(data)


def test_older_value_gets_the_defaults_of_new_fields() -> None:
    """A class may gain fields that have defaults while its values lie in a journal."""
    point = untagged.decode({"$kitaru": "dataclass", "class": f"{__name__}:Point", "fields": {"x": 1}})
    assert point == Point(1)
    model = untagged.decode(
        {
            "$kitaru": "model",
            "class": f"{__name__}:Model",
            "fields": {"a": 1},
            "set": ["a"],
            "extra": None,
            "private": None,
        }
    )
    assert model == Model(a=1)


def test_artifact() -> None:
    """A value over 64 KiB lies in an artifact and is fetched by its id."""
    encoded = values.encode("x" * values.INLINE, "value")
    assert not encoded.is_inline
    kept = encoded.keep("one")
    assert (kept.data, kept.artifact) == (None, "one")
    assert values.load(kept, {"one": encoded.body}.__getitem__, allow_pickle=False) == "x" * values.INLINE


def test_inline_json() -> None:
    """Plain JSON can be put into the log as it is."""
    assert values.inline([1]) == values.encode([1], "value").keep()
    assert isinstance(values.inline(None), Value)
