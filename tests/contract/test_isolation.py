"""The contract of the Isolation port."""

import contextvars
import io
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from kitaru.backends.clock import SystemClock
from kitaru.backends.ids import RandomIds
from kitaru.backends.isolation import ProcessIsolation
from kitaru.backends.memory import ThreadChannel, ThreadIsolation
from kitaru.core import values
from kitaru.core.history import Call, Place
from kitaru.core.tagged import UserValue
from kitaru.engine import errands
from kitaru.engine.errands import Began, Done, Errand, Line
from kitaru.isolated import doing
from kitaru.ports import Isolation, Process

CALL: Final = Call(id="work", place=Place(scope="", name="work", occurrence=1), inputs="", nth=1, explicit=False)


def serve(channel: ThreadChannel) -> None:
    """Do what the process does."""
    tell = doing.serve(channel, SystemClock(), RandomIds())
    if tell is not None:
        tell()


each_isolation = pytest.mark.parametrize(
    "isolation",
    [pytest.param(ProcessIsolation(), id="process"), pytest.param(ThreadIsolation(serve), id="thread")],
)


def errand(function: Callable[..., UserValue], *args: UserValue) -> bytes:
    """Return the first message: to call the function."""
    return errands.write(
        Errand(
            execution="e",
            flow="f",
            call=CALL,
            number=1,
            function=errands.function_of(function, "work"),
            arguments=values.pickle((args, {}), "arguments"),
        )
    )


def done(process: Process) -> Done | None:
    """Return how the function ended, None when the process ended before."""
    while (body := process.receive()) is not None:
        message = errands.read(body)
        if isinstance(message, Done):
            return message
        assert isinstance(message, Began | Line)
    return None


def double(number: int) -> int:
    """Double it."""
    return number * 2


def hang() -> None:
    """Never end."""
    threading.Event().wait(60)


@each_isolation
def test_a_function_runs_and_its_process_ends(isolation: Isolation) -> None:
    """Its result comes back; the exit code is 0."""
    process = isolation.start(errand(double, 21))
    ended = done(process)
    assert ended is not None
    assert ended.encoded is not None
    assert ended.encoded.data == 42
    assert process.close() == 0


@each_isolation
def test_a_killed_process_says_nothing_more(isolation: Isolation) -> None:
    """Whoever receives from it is told that it has ended; it can be killed again."""
    process = isolation.start(errand(hang))
    process.kill()
    process.kill()
    assert done(process) is None
    process.send(b"lost")
    assert process.close() == -9


def talk() -> int:
    """Print on both streams, and log."""
    sys.stdout.write("on stdout\n")
    sys.stderr.write("on stderr\nwithout an end")
    logging.getLogger("kitaru.test").warning("number %d", 7, extra={"more": 1})
    try:
        int("x")
    except ValueError:
        logging.getLogger("kitaru.test").exception("with a traceback")
    return os.getpid()


STANDS: contextvars.ContextVar[str] = contextvars.ContextVar("stands", default="nowhere")


class Stream(io.StringIO):
    """A stream that notes where it is written from."""

    def write(self, text: str, /) -> int:
        return super().write(f"[{STANDS.get()}] {text}")


def test_what_a_process_prints_is_printed_here(caplog: pytest.LogCaptureFixture) -> None:
    """In the context of the caller; log records reach this process's handlers."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err = Stream(), Stream()
    token = STANDS.set("here")
    try:
        process = ProcessIsolation().start(errand(talk))
        assert done(process) is not None
        process.close()
    finally:
        STANDS.reset(token)
        sys.stdout, sys.stderr = before
    assert out.getvalue() == "[here] on stdout\n"
    assert err.getvalue() == "[here] on stderr\n[here] without an end"
    assert [one.getMessage() for one in caplog.records] == ["number 7", "with a traceback"]
    assert "invalid literal for int()" in caplog.text


def leave() -> None:
    """End the process in the middle of the function."""
    os._exit(3)


def test_a_process_that_ends_before_its_function() -> None:
    """Its exit code says how."""
    process = ProcessIsolation().start(errand(leave))
    assert done(process) is None
    assert process.close() == 3


def linger() -> str:
    """Return, and leave a thread that does not end."""
    threading.Thread(target=hang).start()
    return "done"


def test_a_process_that_lingers_is_killed() -> None:
    """Its function is done, and that counts."""
    process = ProcessIsolation(linger=0.2).start(errand(linger))
    assert done(process) is not None
    assert process.close() == -9


def fork(file: str) -> None:
    """Be killed, and leave a child that holds all that is open."""
    child = os.fork()
    if child == 0:
        hang()
        os._exit(0)
    Path(file).write_text(str(child), encoding="utf-8")
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_process_left_behind_holds_nobody_up(tmp_path: Path) -> None:
    """A child that it forked has the channel and the streams; the end is seen all the same, and the child killed."""
    process = ProcessIsolation().start(errand(fork, str(tmp_path / "child")))
    assert done(process) is None
    assert process.close() == -signal.SIGKILL
    child = Path(f"/proc/{(tmp_path / 'child').read_text()}/stat")
    end = time.monotonic() + 5
    while child.exists() and child.read_text().rpartition(") ")[2][0] not in "ZX":
        assert time.monotonic() < end, "waited 5 s for the child to end"
        time.sleep(0.01)
