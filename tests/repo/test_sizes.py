"""Small parts: files of 400 lines, functions of 40, six parameters."""

import ast
from collections.abc import Iterator
from typing import Final

from tests.repo import tree

FILE_LINES: Final = 400
FUNCTION_LINES: Final = 40
PARAMETERS: Final = 6
MAKEFILE_LINES: Final = 40

# Public signatures that programs written for Kitaru already use, each with its reason.
WIDE_SIGNATURES: Final[dict[str, str]] = {
    "sdk/src/kitaru/client.py:replay": "overrides in all their spellings stand beside the flow's inputs",
    "sdk/src/kitaru/core/views.py:replay": "as the client's, which a snapshot calls",
    "sdk/src/kitaru/flows.py:deploy": "settings, tags and publish_default_on_first_deploy stand beside the inputs",
    "sdk/src/kitaru/flows.py:replay": "settings and overrides in all their spellings stand beside the flow's inputs",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions() -> Iterator[tuple[str, Function]]:
    for path in tree.files(*tree.SOURCES, suffix=".py"):
        module = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(module):
            if isinstance(node, Function):
                yield f"{tree.name(path)}:{node.name}", node


def _parameters(function: Function) -> int:
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    receivers = [argument for argument in named[:1] if argument.arg in {"self", "cls"}]
    return len(named) - len(receivers) + (given.vararg is not None) + (given.kwarg is not None)


def _lines(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_no_file_is_longer_than_400_lines() -> None:
    """Each Python file, a test's included, has at most 400 lines."""
    lengths = {tree.name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in tree.files(suffix=".py")}
    assert {name: length for name, length in lengths.items() if length > FILE_LINES} == {}


def test_no_function_is_longer_than_40_lines() -> None:
    """Each function of the product has at most 40 lines, signature and docstring included."""
    lengths = {name: _lines(function) for name, function in _functions()}
    assert {name: length for name, length in lengths.items() if length > FUNCTION_LINES} == {}


def test_only_listed_signatures_are_wider_than_six_parameters() -> None:
    """A function takes at most six parameters; the public ones that take more are all listed."""
    wide = {name for name, function in _functions() if _parameters(function) > PARAMETERS}
    assert wide == set(WIDE_SIGNATURES)


def test_the_makefile_fits_on_a_screen() -> None:
    """The Makefile has at most 40 lines: what is longer stands in scripts/."""
    lines = (tree.ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MAKEFILE_LINES
