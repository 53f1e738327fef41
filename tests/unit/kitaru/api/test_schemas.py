"""Whether an answer fits a wait's schema."""

import json
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, JsonValue, TypeAdapter
from typing_extensions import TypeForm

from kitaru.core import schemas


class Approval(BaseModel):
    approved: bool
    note: str = ""


class Chain(BaseModel):
    next: "Chain | None" = None


def _schema(kind: TypeForm[object]) -> str:
    return json.dumps(TypeAdapter(kind).json_schema())


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param(bool, True, id="bool"),
        pytest.param(str, "", id="text"),
        pytest.param(list[int], [1, 2], id="list"),
        pytest.param(Literal["a", "b"], "b", id="literal"),
        pytest.param(Approval, {"approved": True}, id="model"),
        pytest.param(Approval | None, None, id="union"),
        pytest.param(Chain, {"next": {"next": None}}, id="recursive-model"),
        pytest.param(dict[str, int], {"a": 1}, id="mapping"),
        pytest.param(Annotated[str, Field(pattern="^a+$")], "aa", id="pattern"),
        pytest.param(dict[Annotated[str, Field(pattern="^a")], int], {"ab": 1}, id="keys"),
    ],
)
def test_an_answer_that_fits_has_no_problem(kind: TypeForm[object], value: JsonValue) -> None:
    """A value of the schema's type is no problem, whatever kind of type it is."""
    assert schemas.problem(_schema(kind), value) is None


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        pytest.param(bool, 1, "value: 1 is not of type 'boolean'.", id="scalar"),
        pytest.param(
            Approval,
            {"approved": "yes"},
            "value.approved: 'yes' is not of type 'boolean'.",
            id="field",
        ),
        pytest.param(Approval, {}, "value: 'approved' is a required property.", id="missing-field"),
        pytest.param(Approval | list[int], [1, "a"], "value[1]: 'a' is not of type 'integer'.", id="union"),
        pytest.param(Annotated[str, Field(pattern="^a+$")], "b", "value: 'b' does not match '^a+$'.", id="pattern"),
        pytest.param(
            dict[Annotated[str, Field(pattern="^a")], int],
            {"ab": "x"},
            "value.ab: 'x' is not of type 'integer'.",
            id="keys",
        ),
    ],
)
def test_the_problem_names_the_field_at_fault(kind: TypeForm[object], value: JsonValue, problem: str) -> None:
    """The sentence begins with the path of the field, through lists and unions too."""
    assert schemas.problem(_schema(kind), value) == problem


def test_a_gate_takes_only_null() -> None:
    """A wait without a schema asks whether to go on, and nothing else."""
    assert schemas.problem(None, None) is None
    assert schemas.problem(None, "yes") is not None


def test_a_long_value_does_not_fill_the_sentence() -> None:
    """The sentence is for a person, and stays short whatever was sent."""
    assert len(schemas.problem(_schema(int), "x" * 10_000) or "") < 400


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"type": 5}, id="no-schema"),
        pytest.param({"$ref": "http://localhost:1/schema"}, id="elsewhere"),
        pytest.param({"$ref": "#/nowhere"}, id="dangling"),
        pytest.param({"$ref": "#"}, id="endless"),
        pytest.param(
            {
                "$ref": "#/$defs/0",
                "$defs": {
                    **{str(n): {"allOf": [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(40)},
                    "40": {},
                },
            },
            id="exponential",
        ),
        pytest.param({"pattern": "(?=a)"}, id="look-around"),
        pytest.param({"pattern": "a" * 99 + "{9999}{9999}"}, id="huge-pattern"),
        pytest.param({"unevaluatedProperties": False}, id="unbounded-keyword"),
        pytest.param({"patternProperties": {"^a": {}}, "additionalProperties": False}, id="names-by-pattern"),
    ],
)
def test_a_schema_that_cannot_be_judged_fits_nothing(schema: dict[str, JsonValue]) -> None:
    """A broken or hostile schema ends in a sentence, in bounded time."""
    values: list[JsonValue] = ["aaa", {"a": 1}]
    problems = [schemas.problem(json.dumps(schema), value) for value in values]
    assert "value: the schema that the wait recorded cannot be judged." in problems


def test_a_pattern_takes_linear_time() -> None:
    """A pattern that sends a backtracking engine away for ever is judged at once."""
    schema = json.dumps({"pattern": "^(a+)+$"})
    assert schemas.problem(schema, "a" * 60 + "!") is not None


@pytest.mark.parametrize("name", ["date", "date-time", "time", "duration", "uuid", "uri"])
def test_formats_of_pydantic_s_types_are_judged(name: str) -> None:
    """A text that a date, an id and the like cannot be read from is refused, by the name of its field."""
    schema = json.dumps({"type": "object", "properties": {"when": {"type": "string", "format": name}}})
    problem = schemas.problem(schema, {"when": "soon"})
    assert problem is not None
    assert problem.startswith(f"value.when: 'soon' is no {name}: ")
