"""A question on a terminal."""

import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from kitaru.client import ExecutionStatus, KitaruClient
from tests.integration.local.programs import HELPERS, PATIENCE, Place, until

FLOWS = f"""{HELPERS}
@kitaru.flow
def publish():
    approved = kitaru.wait(schema=bool, name="approve", question="Publish it?")
    return f"approved {{approved}}"
"""
# The first line makes the terminal the session's own, so that Ctrl-C there is a signal.
PROGRAM = """
import os; os.close(os.open(os.ttyname(0), os.O_RDWR))
import flows
handle = flows.publish.run()
print(handle.exec_id, flush=True)
print(handle.wait(), flush=True)
"""


@dataclass(slots=True)
class Session:
    """A program on a terminal, and the person before it."""

    process: subprocess.Popen[bytes]
    master: int
    text: str = ""

    def shows(self, expected: str) -> None:
        """Return once the text stands on the terminal."""
        while expected not in self.text:
            ready, _, _ = select.select([self.master], [], [], PATIENCE)
            assert ready, f"waited {PATIENCE:.0f} s for {expected!r}; the terminal shows {self.text!r}"
            self.text += os.read(self.master, 65536).decode()

    def types(self, text: str) -> None:
        """Type it."""
        os.write(self.master, text.encode())

    def exec_id(self) -> str:
        """Return the id that the program printed on its first line."""
        self.shows("\n")
        return self.text.splitlines()[0]


@pytest.fixture
def session(place: Place) -> Iterator[Session]:
    """The program, started on a terminal of its own."""
    place.has(FLOWS)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=place.folder,
        env=place.environment(),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    yield Session(process, master)
    process.kill()
    process.wait(PATIENCE)
    os.close(master)


def test_what_is_typed_is_the_answer(session: Session) -> None:
    """The question is asked in place and the same process goes on."""
    session.shows("publish asks: Publish it?")
    session.types("maybe\n")
    session.shows("not JSON")
    session.types("y\n")
    session.shows("approved True")
    assert session.process.wait(PATIENCE) == 0


def test_an_answer_from_elsewhere_ends_the_question(session: Session, client: KitaruClient) -> None:
    """Somebody else's answer is noticed although nobody types."""
    session.shows("publish asks: Publish it?")
    client.executions.input(session.exec_id(), wait="approve", value=False)
    session.shows("approved False")
    assert session.process.wait(PATIENCE) == 0


def test_ctrl_c_ends_the_question_and_not_the_process(session: Session, client: KitaruClient) -> None:
    """The execution stays waiting, and the process goes on with an answer from elsewhere."""
    session.shows("publish asks: Publish it?")
    exec_id = session.exec_id()
    session.types("\x03")
    session.shows("not answered here")
    assert session.process.poll() is None
    assert client.executions.get(exec_id).status is ExecutionStatus.WAITING
    client.executions.input(exec_id, wait="approve", value=True)
    session.shows("approved True")
    assert session.process.wait(PATIENCE) == 0


def test_a_second_ctrl_c_ends_the_process(session: Session, client: KitaruClient) -> None:
    """It parks what only waits, so that an answer finds it later."""
    session.shows("publish asks: Publish it?")
    exec_id = session.exec_id()
    session.types("\x03")
    session.shows("not answered here")
    session.types("\x03")
    session.shows("KeyboardInterrupt")
    until(lambda: session.process.poll() is not None, "the process to end")
    assert client.executions.get(exec_id).status is ExecutionStatus.WAITING
