"""What all tests share: each folder's bound in time and marker, golden files, sizes of laws."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import hypothesis
import pytest

TESTS: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Folder:
    """What holds for each test of a folder: its bound in seconds, and its marker."""

    timeout: int
    marker: str | None = None


FOLDERS: Final = {
    "unit": Folder(timeout=10),
    "repo": Folder(timeout=60),
    "contract": Folder(timeout=60),
    "laws": Folder(timeout=1800, marker="laws"),
    "model": Folder(timeout=1800),
    "cluster": Folder(timeout=60),
    "integration": Folder(timeout=300, marker="integration"),
    "e2e": Folder(timeout=600, marker="e2e"),
}

# `pytest --hypothesis-profile=full` asks for the other one.
hypothesis.settings.register_profile("check", max_examples=50, deadline=None, print_blob=True)
hypothesis.settings.register_profile("full", max_examples=2000, deadline=None, print_blob=True)
hypothesis.settings.load_profile("check")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag that rewrites golden files."""
    parser.addoption("--update-golden", action="store_true", help="write golden files instead of comparing")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test its folder's bound and marker; a test's own bound wins."""
    for item in items:
        name = item.path.relative_to(TESTS).parts[0]
        if name not in FOLDERS:
            message = f"tests/{name} has no row in FOLDERS of tests/conftest.py: add one."
            raise pytest.UsageError(message)
        folder = FOLDERS[name]
        if item.get_closest_marker("timeout") is None:
            # Fixtures bound their own waits: the first one to need a cluster builds it.
            item.add_marker(pytest.mark.timeout(folder.timeout, func_only=True))
        if folder.marker is not None:
            item.add_marker(folder.marker)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compare a text with a committed file; with `--update-golden`, write the file."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{path} differs; see --update-golden."

    return compare
