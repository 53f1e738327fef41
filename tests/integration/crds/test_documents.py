"""What the documents and examples show is what the API server takes."""

import re
from pathlib import Path
from typing import Final

import pydantic
import pytest
import yaml
from pydantic import JsonValue

from kitaru_cluster.cluster import Cluster
from tests.integration.crds import objects

ROOT: Final = Path(__file__).parents[3]
BLOCK: Final = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
OBJECT: Final = pydantic.TypeAdapter(dict[str, JsonValue])


def _shown() -> list[tuple[str, str]]:
    """Return each object of ours in the documents and examples, with where it stands."""
    blocks = [
        (f"{path.name}, block {number}", text)
        for path in sorted((ROOT / "docs").glob("*.md"))
        for number, text in enumerate(BLOCK.findall(path.read_text(encoding="utf-8")), start=1)
    ]
    files = [
        (f"{path.parent.name}/{path.name}", path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "examples").rglob("*.yaml"))
    ]
    return [(where, text) for where, text in blocks + files if "apiVersion: kitaru.dev/" in text]


SHOWN: Final = _shown()


def test_each_kind_is_shown() -> None:
    """The reference has an example of each kind."""
    shown = {
        str(OBJECT.validate_python(yaml.safe_load(text))["kind"]) for where, text in SHOWN if "resources.md" in where
    }
    assert shown == {"KitaruFlow", "KitaruExecution", "KitaruAnswer"}


@pytest.mark.parametrize(("where", "text"), SHOWN, ids=[where for where, _ in SHOWN])
def test_what_is_shown_is_taken(cluster: Cluster, namespace: str, where: str, text: str) -> None:
    """Every manifest in the documents and examples would be created as it stands, under the name it bears."""
    for loaded in yaml.safe_load_all(text):
        body = OBJECT.validate_python(loaded)
        spec = OBJECT.validate_python(body["spec"])
        told = objects.create(cluster, namespace, body, as_=str(spec.get("answeredBy", "dan")), dry_run=True)
        assert told is None, where
