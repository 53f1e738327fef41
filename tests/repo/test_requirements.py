"""Each requirement of the published interface is stated by a test that names it."""

import ast
import re
from collections.abc import Iterator
from typing import Final

from tests.repo import tree

#: What users were promised of flows (F), of waits (W) and of executions, their artifacts and metadata (M). A test says
#: in its docstring, or its file in its own, which of them it is about: "The stack of one call (F4, F13)."
REQUIREMENTS: Final = {
    "F1": "`@flow` gives a callable wrapper; its body composes checkpoints",
    "F2": "`.run()` returns at once with an id, the flow runs in the background, `.wait()` comes later",
    "F3": "`.run(...).wait()` returns what the flow returned",
    "F4": "`.run(stack=...)` holds for one execution, the default stack stays",
    "F5": "`.deploy(...)` keeps a version, `.invoke(...)` starts an execution of the default route",
    "F6": "`.invoke(version=2)` and `.invoke(tag='stable')`",
    "F7": "`handle.status` is fresh at every access",
    "F8": "`handle.get()` gives the result of a finished execution, else raises `KitaruStateError`",
    "F9": "`.wait()` of a failed flow raises `KitaruExecutionError` with id, status and origin",
    "F10": "`@flow(retries=2, cache=False)`, above it `.run(retries=3, cache=True)`",
    "F11": "by default no retries, cache, no stack, no image",
    "F12": "`image` takes text, a mapping or settings",
    "F13": "stack: run > decorator > configure > KITARU_STACK > pyproject.toml > active stack",
    "F14": "`KitaruClient().deployments.invoke(flow=..., inputs=...)` needs neither source nor selector",
    "F15": "versions are immutable, each deploy makes one, tags route, `default` is reserved",
    "F16": "deployed flows are started by name, from any process",
    "F18": "direct calls and negative retries raise `KitaruUsageError`",
    "F19": "a flow's retries run it again after it failed",
    "F20": "inputs at the deployment are defaults, given ones at the invocation stand above them",
    "W1": "on a terminal the question is asked in place, and the process goes on",
    "W2": "elsewhere the execution waits and is answered from outside",
    "W3": "a flow without any checkpoint returns its value after a wait",
    "W4": "`kitaru.current_execution_id()`, None outside",
    "W5": "waits stand in a flow's body only",
    "W6": "`timeout`, 600 s by default, is how long the runner stays; a wait is answered at any time after it",
    "W7": "`executions.input`, `.resume` and `.abort_wait`",
    "W9": "an answer that does not fit raises `KitaruWaitValidationError`, and the execution goes on waiting",
    "W10": "`resume` is needed only if nothing went on by itself",
    "M1": "an execution's id, flow, status, open question, and failure's origin and message",
    "M2": "its times, stack, metadata, calls with their tries, artifacts and frozen settings",
    "M3": "`executions.list(limit=20)`, by flow and status, and `latest`",
    "M5": "`retry`, `resume`, `cancel`, and `replay` with overrides and inputs",
    "M6": "a snapshot's own methods return new snapshots",
    "M7": "`pending_waits` with name, question and schema",
    "M8": "`artifacts.list` by kind, call, name and limit; `artifacts.get(id).load()`",
}
#: "(F2, W10)", anywhere in a docstring.
NAMED: Final = re.compile(r"\(([FWM]\d+(?:, [FWM]\d+)*)\)")


def _named() -> Iterator[tuple[str, str]]:
    """Yield each requirement that a test names, with where it does."""
    for path in tree.files("tests", suffix=".py"):
        module = ast.parse(path.read_text(encoding="utf-8"))
        tests = [node for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        texts = {one.name: ast.get_docstring(one) or "" for one in tests if one.name.startswith("test_")}
        if texts:
            texts["(module)"] = ast.get_docstring(module) or ""
        for name, text in texts.items():
            for found in NAMED.findall(text):
                yield from ((one, f"{tree.name(path)}::{name}") for one in found.split(", "))


def test_each_requirement_has_a_test() -> None:
    """Every row of the table is named by some test's docstring."""
    named = {one for one, _ in _named()}
    assert {one: text for one, text in REQUIREMENTS.items() if one not in named} == {}


def test_no_test_names_a_requirement_that_there_is_not() -> None:
    """A name in a docstring is a row of the table."""
    assert [place for one, place in _named() if one not in REQUIREMENTS] == []
