"""Asking a wait's question on the terminal, while the execution that asks it stays.

One question at a time. What is typed is read as the operating system gives it, a line at a time and
never blocking for long, so that an answer from elsewhere ends the question at once.
"""

from __future__ import annotations

import json
import os
import select
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TextIO, TypeAlias

from pydantic import JsonValue

from kitaru.core.head import OpenWait
from kitaru.local import forks

_YES: Final = frozenset({"y", "yes", "true"})
_NO: Final = frozenset({"n", "no", "false"})
_CHUNK: Final = 65536


@dataclass(frozen=True, slots=True)
class Question:
    """An open wait of an execution that stays for its answer."""

    exec_id: str
    flow: str
    wait: OpenWait


@dataclass(frozen=True, slots=True)
class Heard:
    """Somebody typed this."""

    value: JsonValue


@dataclass(frozen=True, slots=True)
class Silent:
    """The question stands on the terminal, and nobody has answered yet."""


@dataclass(frozen=True, slots=True)
class Busy:
    """The question is not on the terminal: there is none, another stands there, or it was put off."""


Reply: TypeAlias = Heard | Silent | Busy


class Terminal:
    """A person at `source` and `sink`; nobody unless both are terminals.

    `shared` says that somebody else reads there too, as the prompt of an interactive Python does:
    then a question is asked only while a caller waits for an execution, and so reads nothing.
    """

    def __init__(
        self,
        source: TextIO | None,
        sink: TextIO | None,
        shared: Callable[[], bool] = lambda: False,
    ) -> None:
        interactive = source is not None and sink is not None and source.isatty() and sink.isatty()
        self._source = source.fileno() if interactive and source is not None else None
        self._sink = sink
        self._asking: Question | None = None
        self._typed = b""
        self._put_off: set[tuple[str, str]] = set()
        self._shared = shared
        self._attending = 0
        self._guard = threading.Lock()
        forks.in_child(self._forked)

    def ask(self, question: Question, seconds: float) -> Reply:
        """Put the question on the terminal, unless it stands there, and wait up to `seconds`."""
        if self._source is None or (self._shared() and not self._attending) or not self._claim(question):
            return Busy()
        ready, _, _ = select.select([self._source], [], [], seconds)
        if not ready:
            return Silent()
        read = os.read(self._source, _CHUNK)
        if not read:
            self.put_off()
            return Busy()
        self._typed += read
        line, newline, rest = self._typed.partition(b"\n")
        if not newline:
            return Silent()
        self._typed = rest
        return self._understand(question, line.decode(errors="replace").strip())

    @contextmanager
    def attended(self) -> Generator[None]:
        """Within the block, a caller waits for an execution and leaves the terminal to questions."""
        with self._guard:
            self._attending += 1
        try:
            yield
        finally:
            with self._guard:
                self._attending -= 1

    def refuse(self, question: Question, why: str) -> None:
        """Say why what was typed is no answer, and ask again."""
        self._say(f"  {why}\n{_hint(question.wait)} ")

    def heard(self, question: Question) -> None:
        """Take the question from the terminal: what was typed is its answer."""
        with self._guard:
            if self._asking == question:
                self._asking = None

    def leave(self, exec_id: str, *, waiting: bool) -> None:
        """The execution no longer stays here; `waiting` says whether its question is still open."""
        with self._guard:
            asked = self._asking
            if asked is None or asked.exec_id != exec_id:
                return
            self._asking = asked if waiting else None
        if waiting:
            self.put_off()
        else:
            self._say("\nkitaru: answered elsewhere.\n")

    def put_off(self) -> bool:
        """Stop asking the question that stands there; return whether one did (Ctrl-C asks this)."""
        with self._guard:
            asked, self._asking = self._asking, None
            if asked is None:
                return False
            self._put_off.add((asked.exec_id, asked.wait.id))
        self._say(
            f"\nkitaru: not answered here. {asked.flow} goes on waiting; answer it with\n"
            f"  KitaruClient().executions.input({asked.exec_id!r}, wait={asked.wait.id!r}, value=…)\n"
        )
        return True

    def _forked(self) -> None:
        """A thread that is not in the child may hold the guard; the question is the parent's."""
        self._guard = threading.Lock()
        self._asking = None

    def _claim(self, question: Question) -> bool:
        with self._guard:
            if (question.exec_id, question.wait.id) in self._put_off:
                return False
            if self._asking is not None:
                same = self._asking.exec_id == question.exec_id
                if not same or self._asking.wait.id == question.wait.id:
                    return same
            self._asking, self._typed = question, b""
        text = question.wait.question or f"an answer to {question.wait.name!r}"
        self._say(f"\nkitaru: {question.flow} asks: {text}\n{_hint(question.wait)} ")
        return True

    def _understand(self, question: Question, line: str) -> Reply:
        try:
            return Heard(parse(question.wait.schema, line))
        except ValueError:
            self.refuse(question, "This is not JSON.")
            return Silent()

    def _say(self, text: str) -> None:
        if self._sink is not None:
            self._sink.write(text)
            self._sink.flush()


def parse(schema: str | None, line: str) -> JsonValue:
    """Return the answer that a line means under a wait's schema. Raises `ValueError` if none.

    Text is taken as it is where the schema wants text, y and n where it wants a yes or no (also as
    the only required field of an object), an empty line as null; all else is JSON.
    """
    shape = _shape(schema)
    word = line.casefold()
    flag = _only_flag(shape)
    if shape.get("type") == "string":
        return line
    if (shape.get("type") == "boolean" or flag) and word in _YES | _NO:
        return {flag: word in _YES} if flag else word in _YES
    return json.loads(line or "null")


def _hint(wait: OpenWait) -> str:
    shape = _shape(wait.schema)
    flag = _only_flag(shape)
    if wait.schema is None:
        return "  Press Enter to go on:"
    if shape.get("type") == "boolean":
        return "  [y/n]"
    if shape.get("type") == "string":
        return "  >"
    properties = shape.get("properties")
    fields = ", ".join(properties) if isinstance(properties, dict) else ""
    json_hint = f"JSON with {fields}" if fields else "JSON"
    return f"  [y/n for {flag}, or {json_hint}]" if flag else f"  [{json_hint}]"


def _shape(schema: str | None) -> dict[str, JsonValue]:
    shape: JsonValue = None if schema is None else json.loads(schema)
    return shape if isinstance(shape, dict) else {}


def _only_flag(shape: dict[str, JsonValue]) -> str | None:
    """Return the name of an object's one required field, if that is a yes or no."""
    required, properties = shape.get("required"), shape.get("properties")
    if isinstance(required, list) and len(required) == 1 and isinstance(properties, dict):
        name = str(required[0])
        field = properties.get(name)
        if isinstance(field, dict) and field.get("type") == "boolean":
            return name
    return None
