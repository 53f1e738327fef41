"""The CRDs are structural, bounded, explained, and what the models give."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from pydantic import JsonValue

from kitaru.core.resources import crd, model
from kitaru.core.resources.answer import KitaruAnswer
from kitaru.core.resources.execution import KitaruExecution
from kitaru.core.resources.model import Resource

ROOT: Final = Path(__file__).parents[4]
Schema = dict[str, JsonValue]
KINDS: Final = pytest.mark.parametrize("kind", crd.KINDS, ids=[kind.kind for kind in crd.KINDS])
#: The API server's own: nothing is said about them.
OWN: Final = (".apiVersion", ".kind", ".metadata")


def _nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Return each node of a schema with its path."""
    if path in OWN:
        return
    yield path, schema
    properties = schema.get("properties")
    if isinstance(properties, dict):
        for name, one in properties.items():
            assert isinstance(one, dict)
            yield from _nodes(one, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        one = schema.get(name)
        if isinstance(one, dict):
            yield from _nodes(one, f"{path}[]")


def test_the_committed_files_are_what_the_models_give() -> None:
    """`crds/` and the chart's templates are generated, and nobody has edited them."""
    script = ROOT / "scripts" / "generate_crds.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False, timeout=10
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@KINDS
def test_every_node_is_structural(kind: type[Resource]) -> None:
    """Each node has a type or keeps any content, and none refers to another."""
    for path, node in _nodes(crd.schema(kind)):
        typed = "type" in node or "x-kubernetes-int-or-string" in node
        assert typed or node.get("x-kubernetes-preserve-unknown-fields") is True, path
        assert not {"$ref", "allOf", "title", "$defs"} & node.keys(), path
        assert node.get("additionalProperties") is not False, path


@KINDS
def test_everything_that_has_a_schema_is_bounded(kind: type[Resource]) -> None:
    """Each string, list and map has a bound, so that the costs of rules and objects are known."""
    for path, node in _nodes(crd.schema(kind)):
        match node.get("type"):
            case "string":
                assert {"maxLength", "enum", "format"} & node.keys(), path
            case "array":
                assert {"maxItems", "x-kubernetes-list-type"} <= node.keys(), path
            case "object" if "additionalProperties" in node:
                assert "maxProperties" in node, path
            case _:
                pass


@KINDS
def test_everything_is_explained(kind: type[Resource]) -> None:
    """`kubectl explain` has a sentence for each field."""
    for path, node in _nodes(crd.schema(kind)):
        if not path.endswith("[]"):
            text = node.get("description")
            assert isinstance(text, str), path
            assert text.endswith("."), path
            assert text[:1].isupper(), path


@KINDS
def test_the_api_server_fills_in_defaults_of_the_spec_only(kind: type[Resource]) -> None:
    """A default in the status would say what nobody has observed."""
    defaults = {path for path, node in _nodes(crd.schema(kind)) if "default" in node}
    spec = {".spec.retry", ".spec.cancel", ".spec.deletionPolicy", ".spec.startDeadlineSeconds"}
    assert defaults == (spec if kind is KitaruExecution else set())


@KINDS
def test_names_follow_the_conventions(kind: type[Resource]) -> None:
    """Each kind is namespaced, in the category kitaru, with a short name and a status of its own."""
    definition = crd.definition(kind)
    spec = definition["spec"]
    assert isinstance(spec, dict)
    assert definition["metadata"] == {"name": f"{kind.plural}.kitaru.dev"}
    assert spec["scope"] == "Namespaced"
    assert spec["names"] == {
        "kind": kind.kind,
        "listKind": f"{kind.kind}List",
        "plural": kind.plural,
        "singular": kind.kind.lower(),
        "shortNames": [kind.short],
        "categories": ["kitaru"],
    }


def test_an_answer_takes_any_value_and_null() -> None:
    """The value has no type; exactly one of value, valueRef and abort is asked for."""
    spec = dict(_nodes(crd.schema(KitaruAnswer)))[".spec"]
    assert spec["oneOf"] == [{"required": ["value"]}, {"required": ["valueRef"]}, {"required": ["abort"]}]
    value = dict(_nodes(crd.schema(KitaruAnswer)))[".spec.value"]
    assert value["nullable"] is True
    assert "type" not in value


def test_executions_are_listed_with_their_columns() -> None:
    """`kubectl get kx` shows what a person looks for."""
    shown = [column.name.upper() for column in KitaruExecution.columns if column.priority == 0]
    assert shown == ["FLOW", "VERSION", "PHASE", "CHECKPOINTS", "WAITING-FOR", "AGE"]


def test_an_optional_field_is_unchanged_when_it_is_neither_added_changed_nor_removed() -> None:
    """The pair form also sees a field come and go, which a rule on the field itself does not."""
    assert model.unchanged("tag", "no").definition() == {
        "rule": "has(self.tag) == has(oldSelf.tag) && (!has(self.tag) || self.tag == oldSelf.tag)",
        "message": "no",
        "fieldPath": ".tag",
    }
