"""What the documents and examples say is what happens."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.integration.local.programs import Place

ROOT: Final = Path(__file__).resolve().parents[3]
DOCUMENTS: Final = sorted(path for path in (ROOT / "docs").glob("*.md") if "```python\n" in path.read_text())
#: The examples that one command runs, each with what it says it prints.
EXAMPLES: Final = sorted(
    path for path in (ROOT / "examples").glob("*/*.py") if "\nPrints `" in path.read_text(encoding="utf-8")
)


def _blocks(path: Path, language: str) -> str:
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_a_documents_code_prints_what_stands_below_it(place: Place, document: Path) -> None:
    """The Python of one document is one program; its output is the document's `text` blocks."""
    (place.folder / "program.py").write_text(_blocks(document, "python"), encoding="utf-8")
    printed = place.run("import runpy; runpy.run_path('program.py', run_name='__main__')")
    assert printed.splitlines() == [line for line in _blocks(document, "text").splitlines() if line]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_prints_what_it_says(place: Place, example: Path) -> None:
    """The docstring of each small example names its output."""
    said = re.search(r"^Prints `(.*?)`", example.read_text(encoding="utf-8"), re.MULTILINE)
    assert said is not None
    assert place.run("import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')", str(example)) == said[1]


def test_there_are_documents_and_examples() -> None:
    """The tests above run on something."""
    named = [path.stem for path in EXAMPLES]
    assert named == ["async_flows", "concurrency", "configuration", "deployments", "first_flow", "replay_with_overrides"]
    assert {"quickstart", "flows", "waiting"} <= {path.stem for path in DOCUMENTS}
