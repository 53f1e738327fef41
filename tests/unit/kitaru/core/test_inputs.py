"""A flow's inputs against its signature, and what waits ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pytest
from pydantic import BaseModel, JsonValue

from kitaru.core import definitions, inputs, questions
from kitaru.core.questions import Question
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruUsageError, KitaruWaitValidationError


class Topic(BaseModel):
    """A pydantic input."""

    title: str
    depth: int = 1


@dataclass
class Point:
    """A dataclass input."""

    x: int


class Opaque:
    """Nothing that pydantic knows."""


def research(topic: Topic, days: list[date], /, plain: JsonValue, *, point: Point | None = None, **rest: float) -> None:
    """Take inputs of all kinds."""


def small(number: int, text: str = "a") -> None:
    """Take two inputs."""


def opaque(thing: Opaque) -> None:
    """Take what cannot be an input."""


FLOW = definitions.flow(research)
SMALL = definitions.flow(small)
GIVEN: dict[str, JsonValue] = {
    "topic": {"title": "moss", "depth": 2},
    "days": ["2026-01-02"],
    "plain": {"any": ["json"]},
    "point": {"x": 1},
    "more": 1.5,
}


def test_round_trip() -> None:
    """What is validated and bound again is what the flow was called with."""
    args = (Topic(title="moss", depth=2), [date(2026, 1, 2)], {"any": ["json"]})
    found = inputs.validate_inputs(FLOW, args, {"point": Point(1), "more": 1.5})
    assert found == GIVEN
    bound = inputs.bind_inputs(FLOW, found)
    assert (bound.args, bound.kwargs) == (args, {"point": Point(1), "more": 1.5})


def test_defaults_are_merged_in() -> None:
    """A default is frozen with the inputs: a later change of the code does not change them."""
    assert inputs.validate_inputs(SMALL, (1,), {}) == {"number": 1, "text": "a"}
    assert inputs.bind_inputs(SMALL, {"number": 1}).args == (1, "a")


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        pytest.param((), {}, "missing a required argument: 'number'", id="missing"),
        pytest.param((1, "a", 2), {}, "too many positional arguments", id="too many"),
        pytest.param((1,), {"other": 1}, "'other'", id="unknown"),
        pytest.param(("x",), {}, "'number': Input should be a valid integer", id="type"),
    ],
)
def test_call_that_does_not_fit(args: Sequence[UserValue], kwargs: Mapping[str, UserValue], words: str) -> None:
    """The message names the flow and the parameter."""
    with pytest.raises(KitaruUsageError, match="do not fit flow small") as caught:
        inputs.validate_inputs(SMALL, args, kwargs)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({}, "missing a required argument: 'number'", id="missing"),
        pytest.param({"number": 1, "other": 1}, "there is no parameter 'other'", id="unknown"),
        pytest.param({"number": "x"}, "'number': Input should be a valid integer", id="type"),
    ],
)
def test_manifest_that_does_not_fit(given: Mapping[str, JsonValue], words: str) -> None:
    """The same for inputs that come as JSON."""
    with pytest.raises(KitaruUsageError) as caught:
        inputs.bind_inputs(SMALL, given)
    assert words in str(caught.value)


def test_nested_field_is_named() -> None:
    """The path inside a model is part of the message."""
    with pytest.raises(KitaruUsageError, match=r"'topic.depth'"):
        inputs.bind_inputs(FLOW, {**GIVEN, "topic": {"title": "x", "depth": "y"}})


def test_value_that_is_no_json() -> None:
    """An object for a parameter that takes any JSON is refused."""
    with pytest.raises(KitaruUsageError, match="'plain'"):
        inputs.validate_inputs(FLOW, (Topic(title="x"), [], Opaque()), {})


def test_type_that_is_no_input() -> None:
    """A parameter of a type that pydantic does not know is refused by name."""
    with pytest.raises(KitaruUsageError, match="parameter 'thing' has a type"):
        inputs.input_schema(definitions.flow(opaque))


def test_schema() -> None:
    """The JSON Schema has types, defaults and what is required; it refuses other names."""
    assert inputs.input_schema(SMALL) == {
        "type": "object",
        "properties": {"number": {"type": "integer"}, "text": {"type": "string", "default": "a"}},
        "required": ["number"],
        "additionalProperties": False,
    }
    schema = inputs.input_schema(FLOW)
    assert schema["additionalProperties"] is True
    assert isinstance(schema["$defs"], dict)
    assert set(schema["$defs"]) == {"Topic", "Point"} | set(schema["$defs"]) - {"Topic", "Point"}


def _star(*args: int) -> None:
    """Take unnamed inputs."""


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda: definitions.flow(_star), r"takes \*args", id="star"),
        pytest.param(lambda: definitions.flow(small, retries=-1), "Flow retries", id="retries"),
        pytest.param(lambda: definitions.flow(Opaque), "decorates functions", id="class"),
    ],
)
def test_refused_at_decoration(make: UserValue, words: str) -> None:
    """What cannot be a flow is refused when it is decorated."""
    with pytest.raises(KitaruUsageError, match=words):
        make()


def test_definition() -> None:
    """A flow knows where it is found."""
    assert FLOW.entrypoint == f"{__name__}:research"
    assert not FLOW.is_async


def test_question_without_schema_is_a_gate() -> None:
    """It takes null only."""
    gate = Question("ask", None)
    assert gate.text is None
    assert gate.read(None) is None
    with pytest.raises(KitaruWaitValidationError):
        gate.read(1)


def test_question_that_cannot_be_asked() -> None:
    """A type without JSON Schema is refused by name."""
    with pytest.raises(KitaruUsageError, match="wait ask: schema="):
        Question("ask", Opaque)


@pytest.mark.parametrize("metadata", [{"a": Opaque()}, [1]])
def test_metadata_is_json(metadata: UserValue) -> None:
    """A wait's metadata is a JSON object."""
    with pytest.raises(KitaruUsageError, match="metadata must be a JSON object"):
        questions.check_metadata("wait ask: metadata", metadata)


@pytest.mark.parametrize("value", ["\ud800", ["a\udfff"]], ids=["text", "inside"])
def test_input_that_cannot_be_written(value: UserValue) -> None:
    """A lone surrogate is no text, and the parameter that got it is named."""

    def flow(said: JsonValue) -> None:
        """Say it."""

    with pytest.raises(KitaruUsageError, match="'said': it holds a lone surrogate"):
        inputs.validate_inputs(definitions.flow(flow, retries=0), (value,), {})
