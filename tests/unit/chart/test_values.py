"""The chart's values are all explained, and the schema knows exactly them."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pydantic
import yaml
from pydantic import JsonValue

ROOT: Final = Path(__file__).parents[3]
CHART: Final = ROOT / "charts" / "kitaru"
OBJECT: Final = pydantic.TypeAdapter(dict[str, JsonValue])


def _yaml(name: str) -> dict[str, JsonValue]:
    return OBJECT.validate_python(yaml.safe_load((CHART / name).read_text(encoding="utf-8")))


def _paths(values: dict[str, JsonValue], before: str = "") -> Iterator[str]:
    """Return the path of each value that is no group of others."""
    for name, value in values.items():
        if isinstance(value, dict) and value and name != "resources":
            yield from _paths(value, f"{before}{name}.")
        else:
            yield before + name


def _schema_paths(schema: dict[str, JsonValue], before: str = "") -> Iterator[str]:
    properties = OBJECT.validate_python(schema["properties"])
    for name, value in properties.items():
        node = OBJECT.validate_python(value)
        if "properties" in node and name != "resources":
            yield from _schema_paths(node, f"{before}{name}.")
        else:
            yield before + name


def _groups(schema: JsonValue) -> Iterator[dict[str, JsonValue]]:
    """Return each node of the schema that names its properties."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for value in schema.values():
            yield from _groups(value)


def test_the_schema_knows_exactly_the_values() -> None:
    """Each value has a place in the schema, and the schema has no other; `global` is Helm's own."""
    schema = OBJECT.validate_python(json.loads((CHART / "values.schema.json").read_text(encoding="utf-8")))
    assert set(_schema_paths(schema)) == {*_paths(_yaml("values.yaml")), "global"}


def test_a_misspelt_value_is_refused_everywhere() -> None:
    """No group of the schema lets a name pass that it does not know."""
    schema: JsonValue = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    assert [group for group in _groups(schema) if group.get("additionalProperties") is not False] == []


def test_every_value_is_explained() -> None:
    """A comment that begins with `# --` stands above each value."""
    lines = (CHART / "values.yaml").read_text(encoding="utf-8").splitlines()
    bare = [path for path, line in _lines(_yaml("values.yaml"), lines) if not _comment(lines, line).startswith("# --")]
    assert bare == []


def _lines(values: dict[str, JsonValue], lines: list[str]) -> Iterator[tuple[str, int]]:
    """Return each value's path with the number of its line."""
    for path in _paths(values):
        *groups, name = path.split(".")
        start = lines.index(f"{groups[0]}:") if groups else -1
        indent = "  " * len(groups)
        yield path, next(n for n, line in enumerate(lines) if n > start and line.startswith(f"{indent}{name}:"))


def _comment(lines: list[str], line: int) -> str:
    """Return the first line of the comment that ends above a line."""
    first = line
    while first > 0 and lines[first - 1].strip().startswith("#"):
        first -= 1
    return lines[first].strip()


def test_the_chart_has_the_version_of_the_distributions() -> None:
    """Chart, operator and library are released together."""
    project = tomllib.loads((ROOT / "operator" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    chart = _yaml("Chart.yaml")
    assert [chart["version"], chart["appVersion"]] == [project["version"]] * 2
