"""Compiled code as JSON, without what does not matter: comments, layout, line numbers, names of files."""

from __future__ import annotations

import dis
import json
from collections.abc import Iterator
from itertools import pairwise
from types import CodeType
from typing import Final, TypeAlias

from pydantic import JsonValue

#: What stands in compiled code as a constant.
Constant: TypeAlias = (
    str | bytes | int | float | complex | tuple["Constant", ...] | frozenset["Constant"] | CodeType | None
)

#: Setting what is not a function's own; STORE_DEREF also sets its own variables that inner functions read.
_STORES: Final = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "DELETE_DEREF"})
#: By this name Python 3.13 keeps the line of a class among the constants of its body.
_LINE: Final = "__firstlineno__"


def content(code: CodeType) -> JsonValue:
    """Return what the code does. Equal source gives equal content under one minor version of Python."""
    line = _line_of_class(code) if _LINE in code.co_names else None
    return [
        code.co_code.hex(),
        code.co_exceptiontable.hex(),
        code.co_flags,
        [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount],
        [*code.co_names],
        [*code.co_varnames],
        [*code.co_freevars],
        [*code.co_cellvars],
        [_constant(one) for number, one in enumerate(code.co_consts) if number != line],
    ]


def names(code: CodeType) -> Iterator[str]:
    """Yield the names of globals and attributes that the code reads, with those of code inside it."""
    yield from code.co_names
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from names(one)


def stored(code: CodeType) -> set[str]:
    """Return the names of globals and enclosing variables that the code sets, with those that code inside it sets."""
    found = {one.argval for one in dis.get_instructions(code) if one.opname in _STORES}
    for one in code.co_consts:
        if isinstance(one, CodeType):
            found |= stored(one)
    return found


def _line_of_class(code: CodeType) -> int | None:
    """Return which constant of a class's body is its line and nothing else, None if there is none."""
    found = [*dis.get_instructions(code)]
    loads = [one.arg for one in found if one.opname == "LOAD_CONST"]
    for before, one in pairwise(found):
        if one.argval == _LINE and before.opname == "LOAD_CONST" and loads.count(before.arg) == 1:
            return before.arg
    return None


def _constant(value: Constant) -> JsonValue:
    if isinstance(value, CodeType):
        return content(value)
    if isinstance(value, tuple):
        return ["tuple", *(_constant(one) for one in value)]
    if isinstance(value, frozenset):
        # A set has another order in each process.
        return ["frozenset", *sorted((_constant(one) for one in value), key=json.dumps)]
    return [type(value).__name__, value if isinstance(value, str) else repr(value)]
