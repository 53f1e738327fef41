"""No checker is silenced, no test is left out, no name is patched."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.repo import tree

SILENCERS: Final = re.compile(
    r"#\s*(noqa|ruff:\s*noqa|type:\s*ignore|pyright:\s*(ignore|basic)|pragma:\s*no\s*(cover|branch))"
)
UNFINISHED: Final = re.compile(r"\b(TODO|FIXME|XXX)\b")
LEFT_OUT: Final = {"skip", "skipif", "xfail", "importorskip"}
PATCHERS: Final = {"monkeypatch", "MonkeyPatch", "mock", "mocker"}


def _comments(path: Path) -> Iterator[str]:
    source = io.StringIO(path.read_text(encoding="utf-8"))
    for token in tokenize.generate_tokens(source.readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def _names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.arg(arg=name):
                yield name
            case ast.alias(name=name):
                yield from name.split(".")
            case _:
                pass


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(SILENCERS, id="silenced-checkers"),
        pytest.param(UNFINISHED, id="unfinished-work"),
    ],
)
def test_no_comment_asks_to_look_away(pattern: re.Pattern[str]) -> None:
    """No comment switches a checker off, or leaves work for later."""
    found = [
        f"{tree.name(path)}: {comment}"
        for path in tree.files(suffix=".py")
        for comment in _comments(path)
        if pattern.search(comment)
    ]
    assert found == []


@pytest.mark.parametrize(
    "forbidden",
    [pytest.param(LEFT_OUT, id="left-out"), pytest.param(PATCHERS, id="patched")],
)
def test_tests_leave_nothing_out_and_patch_nothing(forbidden: set[str]) -> None:
    """No test is skipped or expected to fail, and none replaces a name of the product."""
    found = [
        f"{tree.name(path)}: {used}"
        for path in tree.files("tests", suffix=".py")
        for used in _names(path)
        if used in forbidden
    ]
    assert found == []
