"""What a function's code is, as a hash: the same in every process that loaded the same source.

It is taken from the code that Python loaded, never from a file, which may have been edited since: a result must not
be kept under the hash of code that did not make it. So it exists for lambdas and in notebooks as well; comments,
layout and annotations do not count, docstrings do; and another minor version of Python gives other hashes.

A function is more than its own lines. With it count, transitively, the functions and classes of the same project that
its code names: of the same module, of the same top-level package, or of files beside or below it that no package
manager installed. What is reached in any other way does not count: methods of an argument, a function chosen by a
string, another package's release.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Final

from pydantic import JsonValue

from kitaru.core import classes, codes, hashing, tagged
from kitaru.core.capture import Capture
from kitaru.core.tagged import UserValue

#: Functions and classes that one hash takes in; what lies farther away does not count.
_MOST: Final = 500
#: Elements of a value beyond which it is taken for data rather than for a setting, and does not count.
_LARGEST: Final = 10_000
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_MAIN: Final = "__main__"
_OURS: Final = "kitaru"
_CONTAINERS: Final = (list, tuple, set, frozenset)
_DEFINED: Final = (FunctionType, type)
_NAMED: Final = (ModuleType, BuiltinFunctionType)
#: What never changes its content, and is often rebound.
_FIXED: Final = (str, bytes, int, float, bool)
_MISSING: Final = object()


def of(function: Callable[..., UserValue]) -> str:
    """Return the hash of the function's code, helpers included: 32 hex digits."""
    return _known(function, values=False).walk().digest


def with_values(function: Callable[..., UserValue]) -> str | None:
    """Return the hash of the function's code and of the values that it reads: of globals and enclosing functions.

    Lists, dicts and other values that change count as they were when they were first seen in this process, since code
    that remembers what it did is not other code; what it sets itself does not count. None when it encloses an object
    that has no content to hash, such as a client of a service: nobody could tell two such functions apart.
    """
    walk = _known(function, values=True).walk()
    return walk.digest if walk.complete else None


@functools.lru_cache(maxsize=1024)
def _known(function: Callable[..., UserValue], *, values: bool) -> _Known:
    return _Known(function, values=values)


class _Known:
    """What is known of a function: one walk, and another when something was defined anew."""

    def __init__(self, function: Callable[..., UserValue], *, values: bool) -> None:
        self._function = function
        self._values = values
        self._last: _Walk | None = None

    def walk(self) -> _Walk:
        """Return the walk, if all is as it was then: notebooks and reloaders change it."""
        last = self._last
        if last is None or not last.is_current():
            last = self._last = _Walk(self._function, values=self._values)
        return last


class _Walk:
    """Visits a function and all that counts with it, nearest first; the values that it reads only if asked."""

    def __init__(self, function: Callable[..., UserValue], *, values: bool) -> None:
        self.complete = True
        self._values = values
        self._home = _Home(function)
        self._queue: deque[FunctionType | type] = deque()
        self._numbers: dict[int, int] = {}
        self._seen: list[tuple[Mapping[str, UserValue], str, UserValue]] = []
        self._cells: list[tuple[CellType, UserValue]] = []
        self._codes: list[tuple[FunctionType, CodeType]] = []
        parts: list[JsonValue] = [self._refer(function, enclosed=False)]
        while self._queue:
            found = self._queue.popleft()
            parts.append(self._class(found) if isinstance(found, type) else self._function(found))
        self.digest = hashing.of_json(parts)

    def is_current(self) -> bool:
        """Whether all that was visited is what it was."""
        return (
            all(known.get(name, _MISSING) is value for known, name, value in self._seen)
            and all(function.__code__ is code for function, code in self._codes)
            and all(_enclosed(cell) is value for cell, value in self._cells)
        )

    def _refer(self, value: UserValue, *, enclosed: bool) -> JsonValue:
        """Return what stands for a value, None for what does not count; `enclosed`: it has to."""
        kind = classes.of(value)
        if issubclass(kind, _DEFINED):
            return self._defined(value, enclosed=enclosed)
        if issubclass(kind, functools.partial):
            parts: Sequence[UserValue] = (value.func, *value.args, *value.keywords.values())
            return [self._refer(one, enclosed=enclosed) for one in parts]
        if issubclass(kind, MethodType):
            return [self._refer(one, enclosed=enclosed) for one in (value.__func__, value.__self__)]
        if issubclass(kind, _NAMED):
            return [value.__name__]
        wrapped = inspect.getattr_static(value, "__wrapped__", None)
        if wrapped is not None:
            return self._refer(wrapped, enclosed=enclosed)
        return self._setting(value, enclosed=enclosed)

    def _defined(self, value: FunctionType | type, *, enclosed: bool) -> JsonValue:
        if not self._home.has(value):
            wrapped = self._refer(inspect.getattr_static(value, "__wrapped__", None), enclosed=enclosed)
            # What a decorator made for this module has no other name when the module runs as a script.
            module = "" if value.__module__ == self._home.module else value.__module__
            return [module, value.__qualname__, wrapped]
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._numbers)
            if number < _MOST:
                self._queue.append(value)
        return number

    def _setting(self, value: UserValue, *, enclosed: bool) -> JsonValue:
        if not self._values or value is None:
            return None
        data = _encoded(value) if classes.of(value) in _FIXED else _first_seen(_Same(value))
        self.complete = self.complete and (data is not None or not enclosed)
        return data

    def _function(self, function: FunctionType) -> JsonValue:
        code = function.__code__
        self._codes.append((function, code))
        # What it sets is what it remembers, not what it is.
        stored = codes.stored(code)
        cells = [*zip(code.co_freevars, function.__closure__ or (), strict=True)]
        defaults: list[UserValue] = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        return [
            codes.content(code),
            [[name, self._refer(value, enclosed=False)] for name, value in self._named(function, stored)],
            [self._cell(cell) for name, cell in cells if name not in stored],
            [self._refer(one, enclosed=False) for one in defaults],
            self._refer(vars(function).get("__wrapped__"), enclosed=False),
        ]

    def _cell(self, cell: CellType) -> JsonValue:
        value = _enclosed(cell)
        self._cells.append((cell, value))
        return None if value is _MISSING else self._refer(value, enclosed=True)

    def _named(self, function: FunctionType, stored: Collection[str]) -> Iterator[tuple[str, UserValue]]:
        """Yield the globals that the code only reads, and what it names of the project's modules."""
        names = [name for name in dict.fromkeys(codes.names(function.__code__)) if name not in stored]
        for name, value in self._look(function.__globals__, names):
            yield name, value
            if issubclass(classes.of(value), ModuleType):
                there: Mapping[str, UserValue] = value.__dict__
                if self._home.has_module(there):
                    yield from ((f"{name}.{one}", found) for one, found in self._look(there, names))

    def _look(self, known: Mapping[str, UserValue], names: Iterable[str]) -> Iterator[tuple[str, UserValue]]:
        for name in names:
            value = known.get(name, _MISSING)
            self._seen.append((known, name, value))
            if value is not _MISSING:
                yield name, value

    def _class(self, kind: type) -> JsonValue:
        bases: list[JsonValue] = [self._refer(one, enclosed=False) for one in kind.__bases__]
        members = self._look(vars(kind), sorted(vars(kind)))
        return [bases, [[name, self._member(name, value)] for name, value in members]]

    def _member(self, name: str, value: UserValue) -> JsonValue:
        kind = classes.of(value)
        if issubclass(kind, staticmethod | classmethod):
            return self._refer(value.__func__, enclosed=False)
        if issubclass(kind, property):
            return [self._refer(one, enclosed=False) for one in (value.fget, value.fset, value.fdel)]
        if name == "__annotations__":
            return [[one, _annotation(annotated)] for one, annotated in value.items()]
        if issubclass(kind, FunctionType) or name == "__doc__" or not name.startswith("__"):
            return self._refer(value, enclosed=False)
        return None


class _Home:
    """Where a function is at home: which others are of the same project."""

    def __init__(self, function: Callable[..., UserValue]) -> None:
        self._globals: Mapping[str, UserValue] = getattr(function, "__globals__", {})
        self.module = self._globals.get("__name__")
        name = _name(self._globals)
        self._package = name.partition(".")[0]
        path = _path(self._globals)
        parents = () if path is None or _INSTALLED & {*path.parts} else path.parents
        depth = name.count(".")
        self._root = parents[depth] if depth < len(parents) else None
        self._known: dict[str, bool] = {}

    def has(self, value: FunctionType | type) -> bool:
        """Whether the function or class belongs to the project."""
        if isinstance(value, FunctionType):
            return self.has_module(value.__globals__)
        module = sys.modules.get(value.__module__)
        if module is None:
            return value.__module__ == self._globals.get("__name__")
        return self.has_module(vars(module))

    def has_module(self, known: Mapping[str, UserValue]) -> bool:
        """Whether the module with these globals belongs to the project."""
        if known is self._globals:
            return True
        name = _name(known)
        if name not in self._known:
            self._known[name] = self._judge(name, known)
        return self._known[name]

    def _judge(self, name: str, known: Mapping[str, UserValue]) -> bool:
        package = name.partition(".")[0]
        if package in {self._package} - {_MAIN, ""}:
            return True
        path = _path(known)
        if path is None or self._root is None or package == _OURS or package in sys.stdlib_module_names:
            return False
        return path.is_relative_to(self._root) and not _INSTALLED & {*path.parts}


def _name(known: Mapping[str, UserValue]) -> str:
    """Return a module's name; of one that is run as a script, the name that it would be imported by."""
    spec = known.get("__spec__")
    return str(known.get("__name__", "") if spec is None else spec.name)


def _path(known: Mapping[str, UserValue]) -> PurePath | None:
    file = known.get("__file__")
    return PurePath(file) if isinstance(file, str) else None


def _enclosed(cell: CellType) -> UserValue:
    try:
        return cell.cell_contents
    except ValueError:  # its variable has no value yet
        return _MISSING


def _annotation(kind: UserValue) -> str:
    return kind.__qualname__ if isinstance(kind, type) else str(kind)


class _Same:
    """A value that is equal to itself alone."""

    def __init__(self, value: UserValue) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


@functools.lru_cache(maxsize=4096)
def _first_seen(same: _Same) -> JsonValue:
    """Return what was in a value that changes, when any function that reads it was first looked at."""
    return _encoded(same.value)


def _encoded(value: UserValue) -> JsonValue:
    """Return the content of a value in a list; None when it has none, or is too large to be a setting."""
    data: JsonValue = None
    with Capture(Exception):  # another thread may change it meanwhile, and properties may raise anything
        if _is_small(value):
            data = [tagged.Encoder(canonical=True).encode(_plain(value))]
    return data


def _plain(value: UserValue) -> UserValue:
    """Return the value; of a container that derives from a plain one, its content."""
    kind = classes.of(value)
    if issubclass(kind, dict):
        return dict(value)
    return list(value) if issubclass(kind, deque) else value


def _is_small(value: UserValue) -> bool:
    left, count = [value], 0
    while left and count <= _LARGEST:
        one = left.pop()
        count += 1
        if classes.of(one) is dict:
            left.extend(one)
            left.extend(one.values())
        elif classes.of(one) in _CONTAINERS:
            left.extend(one)
    return count <= _LARGEST
