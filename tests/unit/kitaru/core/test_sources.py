"""Hashes of functions' code: what changes them, and what does not."""

from __future__ import annotations

import importlib.abc
import itertools
import subprocess
import sys
import textwrap
import types
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from kitaru.core import sources
from kitaru.core.tagged import UserValue

_NUMBERS = itertools.count()

BASE = """
    import functools
    import json
    LIMIT = 3
    SETTINGS = {"model": "small"}
    class Note:
        mark = "-"
        def text(self, body):
            return self.mark + body
    def inner(text):
        return text in {"a", "b", "c"}
    def helper(text, end="."):
        return inner(text) and text + end
    @functools.lru_cache
    def remembered(text):
        return text
    def unused():
        return 1
    def main(text):
        "Say what it does."
        rows = [json.dumps(one) for one in text if len(one) < LIMIT]
        return helper(rows), Note().text(text), remembered(text), SETTINGS["model"]
"""


class Text(importlib.abc.InspectLoader):
    """Loads a module from a text."""

    def __init__(self, source: str) -> None:
        self.source = textwrap.dedent(source)

    def get_source(self, fullname: str) -> str:
        return f"# {fullname}\n{self.source}"


def module(source: str, **known: UserValue) -> types.ModuleType:
    """Return a module of this source, loaded as from a file of its own."""
    made = types.ModuleType(f"made{next(_NUMBERS)}")
    made.__file__ = f"/nowhere/{made.__name__}.py"
    vars(made).update(known)
    Text(source).exec_module(made)
    return made


def main(source: str) -> Callable[..., UserValue]:
    """Return the function `main` of a module of this source."""
    return module(source).main


SAME = {
    "the same text": ("", ""),
    "a comment": ("        rows = [", "        # why\n        rows = ["),
    "a blank line": ("        rows = [", "\n\n        rows = ["),
    "lines before it": ("    import functools", "    import functools\n\n\n    import math"),
    "an annotation": ("def main(text):", "def main(text: str) -> object:"),
    "a function that it does not use": ("return 1", "return 2"),
}
CHANGED = {
    "its own code": ("return helper(rows)", "return helper(rows + [1])"),
    "its docstring": ("Say what", "Tell what"),
    "a helper": ("text + end", "end + text"),
    "a helper of a helper": ('"c"}', '"d"}'),
    "a helper behind a decorator": ("return text\n    def unused", "return text * 2\n    def unused"),
    "a method of a class": ("self.mark + body", "body + self.mark"),
}
VALUES = {
    "a global constant": ("LIMIT = 3", "LIMIT = 4"),
    "a constant's type": ("LIMIT = 3", "LIMIT = 3.0"),
    "a global dict": ('"small"', '"large"'),
    "a helper's default": ('end="."', 'end="!"'),
    "a class's attribute": ('mark = "-"', 'mark = "*"'),
}


@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME)
def test_what_runs_alike_hashes_alike(old: str, new: str) -> None:
    """Comments, layout, annotations and what is not used do not change the hash."""
    edited = main(BASE.replace(old, new))
    assert sources.of(edited) == sources.of(main(BASE))
    assert sources.with_values(edited) == sources.with_values(main(BASE))


@pytest.mark.parametrize(("old", "new"), CHANGED.values(), ids=CHANGED)
def test_changed_code_changes_the_hash(old: str, new: str) -> None:
    """The hash covers the function and, transitively, the helpers of its project."""
    assert old in BASE
    edited = main(BASE.replace(old, new))
    assert sources.of(edited) != sources.of(main(BASE))
    assert sources.with_values(edited) != sources.with_values(main(BASE))


@pytest.mark.parametrize(("old", "new"), VALUES.values(), ids=VALUES)
def test_changed_constants_change_the_hash_with_values_alone(old: str, new: str) -> None:
    """The code is the same with another constant; what it gives is not."""
    assert old in BASE
    edited = main(BASE.replace(old, new))
    assert sources.of(edited) == sources.of(main(BASE))
    assert sources.with_values(edited) != sources.with_values(main(BASE))


def test_a_hash_follows_what_is_defined_anew() -> None:
    """In a notebook, a helper's cell runs again, or a constant's, and the function is the same object."""
    made = module(BASE)
    hashes = [sources.with_values(made.main)]
    for cell in ("def inner(text): return False", "LIMIT = 7", "SETTINGS = {'model': 'large'}"):
        Text(cell).exec_module(made)
        hashes.append(sources.with_values(made.main))
    assert len(set(hashes)) == 4


def test_what_a_function_remembers_does_not_count() -> None:
    """A list that it appends to counts as it was at first, and a counter that it sets not at all."""

    def make(start: int) -> Callable[[], None]:
        seen, count, words = list(range(start)), 0, Counter[str]()

        def remember() -> None:
            nonlocal count
            count += 1
            seen.append(count)
            words.update(["again"])

        return remember

    made = module("seen = []\ncount = 0\ndef main():\n    global count\n    count += 1\n    seen.append(count)\n")
    enclosing, other = make(0), make(1)
    before = [sources.with_values(made.main), sources.with_values(enclosing)]
    assert None not in before
    made.main()
    enclosing()
    assert [sources.with_values(made.main), sources.with_values(enclosing)] == before
    Text("def unused(): pass\nseen = seen").exec_module(made)
    assert sources.with_values(made.main) == before[0]
    assert sources.with_values(other) != before[1]


def test_closures_are_told_apart_by_what_they_enclose() -> None:
    """Functions that a function makes have one code, and enclose other values."""

    def make(word: str) -> Callable[[], str]:
        return lambda: word

    hello, again, bye = make("hello"), make("hello"), make("bye")
    assert sources.with_values(hello) == sources.with_values(again) != sources.with_values(bye)
    assert sources.of(hello) == sources.of(bye)


def test_a_function_that_encloses_an_object_has_no_hash_of_values() -> None:
    """Two clients of a service cannot be told apart by their content, nor can what asks them."""
    client = object()
    assert sources.with_values(lambda: client) is None
    assert sources.of(lambda: client)


def test_a_decorator_counts_with_what_it_decorates() -> None:
    """Of a function of the project that wraps another, both count."""
    source = """
        import functools
        def twice(function):
            @functools.wraps(function)
            def wrapper(*args):
                return [function(*args), function(*args)]
            return wrapper
        @twice
        def main(text):
            return text
    """
    hashes = {
        sources.of(main(source)),
        sources.of(main(source.replace("return text", "return text + text"))),
        sources.of(main(source.replace(", function(*args)]", "]"))),
    }
    assert len(hashes) == 3


def test_another_project_is_known_by_name_alone() -> None:
    """Code that a package manager installed does not count."""
    other = types.ModuleType("elsewhere")
    other.__file__ = "/venv/lib/python3/site-packages/elsewhere.py"
    Text("def tool(text): return text").exec_module(other)
    used = module("def main(text): return tool(text)", tool=other.tool)
    Text("def tool(text): return text * 2").exec_module(other)
    again = module("def main(text): return tool(text)", tool=other.tool)
    assert sources.of(used.main) == sources.of(again.main)


@pytest.mark.timeout(60)
def test_a_module_of_the_project_counts_by_what_is_used_of_it(tmp_path: Path) -> None:
    """A script beside which a module lies, in two processes: same hash; another once the module is edited."""
    (tmp_path / "prompts.py").write_text("ASK = 'Why?'\ndef build(text):\n    return ASK + text\n")
    script = tmp_path / "script.py"
    script.write_text(
        "import prompts\nfrom kitaru.core import sources\n"
        "def main(text):\n    return prompts.build(text) in {'a', 'b', 'c', prompts.ASK}\n"
        "print(sources.of(main), sources.with_values(main))\n"
    )

    def run(seed: str) -> list[str]:
        environment = {"PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=True)
        return done.stdout.split()

    first = run("1")
    assert run("2") == first
    (tmp_path / "prompts.py").write_text("ASK = 'How?'\ndef build(text):\n    return ASK + text\n")
    constant = run("3")
    assert constant[0] == first[0]
    assert constant[1] != first[1]


def test_objects_that_raise_when_looked_at_do_no_harm() -> None:
    """A global that stands for something else, outside of its context, is passed over."""

    class Proxy:
        def __getattribute__(self, name: str) -> UserValue:
            raise RuntimeError(name)

    made = module("def main(text): return request.user", request=Proxy())
    assert sources.with_values(made.main) is not None
