"""CustomResourceDefinitions from the models: pydantic's JSON Schema made structural, as the API server wants it.

Structural means: every node has a type, nothing is referred to, and absence, not null, stands for "not given". Where
a schema does not say what a value may be (an execution's inputs), the node says that it keeps unknown fields.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Final, TypeAlias

import pydantic
from pydantic import JsonValue

from kitaru.core.resources.answer import KitaruAnswer
from kitaru.core.resources.execution import KitaruExecution
from kitaru.core.resources.flow import KitaruFlow
from kitaru.core.resources.model import API_VERSION, GROUP, VERSION, Column, Resource

KINDS: Final[tuple[type[Resource], ...]] = (KitaruFlow, KitaruExecution, KitaruAnswer)

Schema: TypeAlias = dict[str, JsonValue]
_SCHEMA: Final = pydantic.TypeAdapter(Schema)
_SCHEMAS: Final = pydantic.TypeAdapter(dict[str, Schema])
_ALTERNATIVES: Final = pydantic.TypeAdapter(list[Schema])
_REFERENCE: Final = "#/$defs/"
#: What pydantic writes and a structural schema has no use for.
_DROPPED: Final = ("title", "$defs", "propertyNames")
#: The order in which a node is written; the rest follows in pydantic's.
_ORDER: Final = ("description", "type", "format", "enum", "default", "nullable", "required")


def definition(kind: type[Resource]) -> Schema:
    """Return the CustomResourceDefinition of a kind."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [kind.short],
                "categories": ["kitaru"],
            },
            "versions": [_version(kind)],
        },
    }


def _version(kind: type[Resource]) -> Schema:
    version: Schema = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(one) for one in kind.columns],
    }
    if kind.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in kind.selectable]
    return {**version, "schema": {"openAPIV3Schema": schema(kind)}}


def _column(column: Column) -> Schema:
    item: Schema = {
        "name": column.name,
        "type": column.type,
        "jsonPath": column.path,
        "description": column.description,
    }
    return {**item, "priority": column.priority} if column.priority else item


def schema(kind: type[Resource]) -> Schema:
    """Return the structural schema of a kind."""
    whole = kind.model_json_schema(by_alias=True, mode="validation")
    walk = _Walk(_SCHEMAS.validate_python(whole.get("$defs", {})))
    fields = _SCHEMAS.validate_python(whole["properties"])
    node: Schema = {
        "type": "object",
        "description": _paragraph(kind.__doc__ or ""),
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"{API_VERSION}."},
            "kind": {"type": "string", "description": f"{kind.kind}."},
            # The API server has its own schema for it, and takes no other.
            "metadata": {"type": "object"},
            "spec": walk.node(fields["spec"], defaults=True),
            "status": walk.node(fields["status"], defaults=False),
        },
    }
    rules = whole.get("x-kubernetes-validations")
    return _ordered(node if rules is None else {**node, "x-kubernetes-validations": rules})


class _Walk:
    """Rewrites nodes, with the definitions that they refer to."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions

    def node(self, node: Schema, *, defaults: bool) -> Schema:
        """Return the node made structural. Defaults that the API server should fill in are kept on request."""
        node = self._plain(node)
        children: Schema = {}
        if "properties" in node:
            fields = _SCHEMAS.validate_python(node["properties"])
            children["properties"] = {name: self.node(one, defaults=defaults) for name, one in fields.items()}
        for name in ("items", "additionalProperties"):
            if isinstance(node.get(name), dict):
                children[name] = self.node(_SCHEMA.validate_python(node[name]), defaults=defaults)
        if node.get("additionalProperties") is False:
            del node["additionalProperties"]
        if not (defaults and isinstance(node.get("default"), bool | int | str)):
            node.pop("default", None)
        return _ordered({**node, **children})

    def _plain(self, node: Schema) -> Schema:
        """Return the node with its reference and its alternative to null resolved; what stands beside them wins."""
        node = {key: value for key, value in node.items() if key not in _DROPPED}
        if "$ref" in node:
            name = str(node.pop("$ref")).removeprefix(_REFERENCE)
            return {**self._plain(self._definitions[name]), **node}
        if "anyOf" in node and "x-kubernetes-int-or-string" not in node:
            given = [one for one in _ALTERNATIVES.validate_python(node.pop("anyOf")) if one != {"type": "null"}]
            (only,) = given
            return {**self._plain(only), **node}
        return node


def _ordered(node: Schema) -> Schema:
    if isinstance(text := node.get("description"), str):
        node = {**node, "description": _paragraph(text)}
    if node.get("type") == "integer":
        node = {**node, "format": "int64"}
    first = {key: node[key] for key in _ORDER if key in node}
    return {**first, **{key: value for key, value in node.items() if key not in first}}


def _paragraph(text: str) -> str:
    return " ".join(inspect.cleandoc(text).split())
