"""The key of an image follows everything that the image is built from."""

from pathlib import Path

import pytest

from kitaru_cluster import images
from kitaru_cluster.images import Recipe


def recipe(folder: Path) -> Recipe:
    """Return a recipe whose context holds a file to copy, one not to copy, and a byte code file."""
    (folder / "source" / "__pycache__").mkdir(parents=True)
    (folder / "source" / "main.py").write_text("print(1)\n")
    (folder / "source" / "__pycache__" / "main.pyc").write_text("1")
    (folder / "notes.txt").write_text("1")
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY source /source\n")
    return Recipe("name", folder / "Dockerfile", folder, paths=("source",), args={"A": "1"})


def key_before_change(folder: Path) -> str:
    """Return the key of a recipe as it is written first."""
    return key(recipe(folder / "before"), folder)


def key_after_change(folder: Path, name: str) -> str:
    """Return the key of the same recipe, one of whose files was changed."""
    chosen = recipe(folder / "after")
    (chosen.context / name).write_text("2")
    return key(chosen, folder)


def key(chosen: Recipe, folder: Path) -> str:
    """Return the recipe's key."""
    context = folder / f"staged-{len(list(folder.glob('staged-*')))}"
    images.stage(chosen, context)
    return images.key(chosen, context, base="base")


@pytest.mark.parametrize("name", ["source/main.py", "Dockerfile"])
def test_a_changed_input_changes_the_key(tmp_path: Path, name: str) -> None:
    """The Dockerfile and the named parts of the context decide the image."""
    assert key_after_change(tmp_path, name) != key_before_change(tmp_path)


@pytest.mark.parametrize("name", ["notes.txt", "source/__pycache__/main.pyc"])
def test_nothing_else_changes_the_key(tmp_path: Path, name: str) -> None:
    """Parts of the context that are not named, and byte code, do not make another image."""
    assert key_after_change(tmp_path, name) == key_before_change(tmp_path)


def test_the_key_follows_the_arguments(tmp_path: Path) -> None:
    """Other build arguments make another image."""
    chosen = recipe(tmp_path / "context")
    other = Recipe(chosen.name, chosen.dockerfile, chosen.context, chosen.paths, {"A": "2"})
    assert key(chosen, tmp_path) != key(other, tmp_path)
