"""Asking on a terminal."""

import io
import json
import os
import pty
import select
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from pydantic import JsonValue

from kitaru.core.head import OpenWait
from kitaru.local import terminal
from kitaru.local.terminal import Busy, Heard, Question, Silent, Terminal

FLAG = {
    "type": "object",
    "properties": {"approved": {"type": "boolean"}, "note": {"type": "string"}},
    "required": ["approved"],
}


def _question(wait: str = "approve", schema: JsonValue = None, exec_id: str = "e1") -> Question:
    text = None if schema is None else json.dumps(schema)
    opened = OpenWait(id=wait, name=wait, slot=1, since=datetime(2026, 1, 1, tzinfo=UTC), question="Go?", schema=text)
    return Question(exec_id, "publish", opened)


@dataclass(slots=True)
class Person:
    """Whoever sits at the other end of a pseudo-terminal."""

    master: int
    terminal: Terminal
    shared: bool = False

    def types(self, text: str) -> None:
        os.write(self.master, text.encode())

    def reads(self, expected: str) -> str:
        """Return what stands on the terminal, once `expected` is among it."""
        text = ""
        while expected not in text:
            ready, _, _ = select.select([self.master], [], [], 5)
            assert ready, f"waited 5 s for {expected!r} on the terminal, which shows {text!r}"
            text += os.read(self.master, 65536).decode()
        return text


@pytest.fixture
def person() -> Iterator[Person]:
    """A person at a terminal of the operating system's own."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "r+b", buffering=0) as raw, io.TextIOWrapper(raw) as stream:
        person = Person(master, Terminal(stream, stream, shared=lambda: person.shared))
        yield person
    os.close(master)


def test_nobody_is_asked_where_there_is_no_terminal() -> None:
    """Unless both input and output are terminals, no question is put there."""
    assert Terminal(io.StringIO(), io.StringIO()).ask(_question(), 0) == Busy()
    assert Terminal(None, None).ask(_question(), 0) == Busy()


def test_a_question_is_put_once_and_heard(person: Person) -> None:
    """The question stands until something is typed, which is its answer."""
    asked = _question(schema={"type": "boolean"})
    assert person.terminal.ask(asked, 0) == Silent()
    assert person.terminal.ask(asked, 0) == Silent()
    assert person.reads("[y/n]").count("publish asks: Go?") == 1
    person.types("y\n")
    assert person.terminal.ask(asked, 5) == Heard(value=True)


def test_what_is_no_answer_is_asked_again(person: Person) -> None:
    """A line that is not JSON is refused in a sentence, and the question stands."""
    asked = _question(schema={"type": "integer"})
    person.types("many\n")
    assert person.terminal.ask(asked, 5) == Silent()
    person.reads("not JSON")
    person.types("5\n")
    assert person.terminal.ask(asked, 5) == Heard(value=5)


def test_one_question_at_a_time(person: Person) -> None:
    """Another execution's question waits until the first one is decided."""
    first, second = _question(), _question(exec_id="e2")
    assert person.terminal.ask(first, 0) == Silent()
    assert person.terminal.ask(second, 0) == Busy()
    person.terminal.heard(first)
    assert person.terminal.ask(second, 0) == Silent()


def test_a_question_that_is_put_off_is_not_asked_again(person: Person) -> None:
    """Ctrl-C and the end of input leave the question to other ways, which are named."""
    asked = _question()
    assert not person.terminal.put_off()
    person.terminal.ask(asked, 0)
    assert person.terminal.put_off()
    person.reads("executions.input('e1', wait='approve'")
    assert person.terminal.ask(asked, 0) == Busy()


def test_an_interactive_python_is_asked_only_while_it_waits(person: Person) -> None:
    """At its prompt a question would take the lines that are typed for Python."""
    person.shared = True
    assert person.terminal.ask(_question(), 0) == Busy()
    with person.terminal.attended():
        assert person.terminal.ask(_question(), 0) == Silent()
    assert person.terminal.ask(_question(), 0) == Busy()


def test_the_end_of_input_puts_the_question_off(person: Person) -> None:
    """Ctrl-D is no answer."""
    person.types("\x04")
    assert person.terminal.ask(_question(), 5) == Busy()


@pytest.mark.parametrize(
    ("waiting", "told"),
    [
        pytest.param(True, "not answered here", id="parked"),
        pytest.param(False, "answered elsewhere", id="answered"),
    ],
)
def test_a_question_leaves_with_its_runner(person: Person, *, waiting: bool, told: str) -> None:
    """A question whose runner leaves is taken away, and what becomes of it is said."""
    person.terminal.ask(_question(), 0)
    person.terminal.leave("e2", waiting=waiting)
    person.terminal.leave("e1", waiting=waiting)
    person.reads(told)
    assert not person.terminal.put_off()


@pytest.mark.parametrize(
    ("schema", "line", "value"),
    [
        pytest.param({"type": "boolean"}, "Yes", True, id="yes"),
        pytest.param({"type": "boolean"}, "n", False, id="no"),
        pytest.param({"type": "string"}, "true", "true", id="text"),
        pytest.param({"type": "string"}, "", "", id="empty-text"),
        pytest.param({"type": "array"}, "[1, 2]", [1, 2], id="json"),
        pytest.param(None, "", None, id="gate"),
        pytest.param(FLAG, "y", {"approved": True}, id="one-flag"),
        pytest.param(FLAG, '{"approved": false}', {"approved": False}, id="object"),
    ],
)
def test_a_line_means_what_the_schema_wants(schema: JsonValue, line: str, value: JsonValue) -> None:
    """Text, yes and no are typed plainly, all else as JSON."""
    text = None if schema is None else json.dumps(schema)
    assert terminal.parse(text, line) == value
