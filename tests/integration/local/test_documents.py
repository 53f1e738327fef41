"""What the documents say is what happens."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.integration.local.programs import Place

ROOT: Final = Path(__file__).resolve().parents[3]
DOCUMENTS: Final = sorted(path for path in (ROOT / "docs").glob("*.md") if "```python\n" in path.read_text())


def _blocks(path: Path, language: str) -> str:
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_a_documents_code_prints_what_stands_below_it(place: Place, document: Path) -> None:
    """The Python of one document is one program; its output is the document's `text` blocks."""
    (place.folder / "program.py").write_text(_blocks(document, "python"), encoding="utf-8")
    printed = place.run("import runpy; runpy.run_path('program.py', run_name='__main__')")
    assert printed.splitlines() == [line for line in _blocks(document, "text").splitlines() if line]


def test_there_are_documents() -> None:
    """The test above runs on something."""
    assert {"quickstart", "flows", "waiting"} <= {path.stem for path in DOCUMENTS}
