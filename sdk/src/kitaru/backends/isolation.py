"""The Isolation port on processes of this machine: one for each try of an isolated checkpoint.

A process is spawned, never forked: threads run here. It has this one's environment, folder and `sys.path`. It dies
with this one: at once where there is PR_SET_PDEATHSIG, elsewhere when it sees the end of the channel.
"""

from __future__ import annotations

import contextlib
import contextvars
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import IO, Final

from kitaru.backends.isolation_channel import MESSAGE

_LINGER: Final = 5.0
#: Seconds for what it printed last; a process that it left behind may hold the pipe for ever.
_LAST_LINES: Final = 1.0
_START: Final = (
    "import sys, json; given = json.loads(sys.argv[1]); sys.path[:] = given.pop(); "
    "from kitaru.isolated.__main__ import main; main(*given)"
)


class ProcessIsolation:
    """Starts processes with the interpreter of this one.

    `linger` is how many seconds one has to end by itself once its function has; its threads may hold it up.
    """

    def __init__(self, linger: float = _LINGER) -> None:
        self._linger = linger

    def start(self, errand: bytes) -> Child:
        """Start a process with its first message. It dies with the calling thread, at the latest."""
        ours, theirs = socket.socketpair()
        level = logging.getLogger().getEffectiveLevel()
        given = json.dumps([theirs.fileno(), os.getpid(), level, sys.path])
        process = subprocess.Popen(
            [sys.executable, "-c", _START, given],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
            # A group of its own, so that what it starts can be killed with it.
            start_new_session=True,
        )
        theirs.close()
        child = Child(process, ours, self._linger)
        child.send(errand)
        return child


class Child:
    """A process and its channel: messages for the engine, log records for this process's handlers."""

    def __init__(self, process: subprocess.Popen[bytes], channel: socket.socket, linger: float) -> None:
        self._process = process
        self._linger = linger
        self._socket = channel
        self._connection = Connection(os.dup(channel.fileno()))
        self._guard = threading.Lock()
        self._ended = False
        self._printing = [_begin(_print, process.stdout, "stdout"), _begin(_print, process.stderr, "stderr")]
        self._waiting = _begin(self._await_end)

    def receive(self) -> bytes | None:
        """Return the next message for the engine, None once the process has ended."""
        with contextlib.suppress(OSError, EOFError):
            while True:
                body = self._connection.recv_bytes()
                if body[:1] == MESSAGE:
                    return body[1:]
                _handle(body[1:])
        return None

    def send(self, message: bytes) -> None:
        """Send a message; one to a process that has ended is lost."""
        with contextlib.suppress(OSError):
            self._connection.send_bytes(message)

    def kill(self) -> None:
        """End the process at once, and what it started."""
        with self._guard, contextlib.suppress(ProcessLookupError):
            if not self._ended:
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> int:
        """Return the exit code once the process has ended; one that lingers is killed."""
        self._waiting.join(self._linger)
        if self._waiting.is_alive():
            self.kill()
        self._waiting.join()
        for thread in self._printing:
            thread.join(_LAST_LINES)
        self._connection.close()
        self._socket.close()
        return self._process.wait()

    def _await_end(self) -> None:
        if sys.platform == "linux":
            # Without reaping it, so that its number is nobody else's yet; user code may reap all that there is.
            with contextlib.suppress(ChildProcessError):
                ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
                if ended is not None and ended.si_status != 0:
                    self.kill()  # what it left behind
        self._process.wait()
        with self._guard:
            self._ended = True
        with contextlib.suppress(OSError):
            # What it sent is still read. Without this, what it left behind would hold the channel open.
            self._socket.shutdown(socket.SHUT_RD)


def _begin(target: Callable[..., None], *args: object) -> threading.Thread:
    """Start a thread in the context of the caller: what it prints is the running call's."""
    copied = contextvars.copy_context()
    thread = threading.Thread(target=copied.run, args=(target, *args), name="kitaru-isolated", daemon=True)
    thread.start()
    return thread


def _print(stream: IO[bytes] | None, name: str) -> None:
    """Print line by line what a process prints, as if this one did."""
    if stream is None:
        return
    with stream:
        for line in stream:
            getattr(sys, name).write(line.decode(errors="backslashreplace"))


def _handle(body: bytes) -> None:
    record = logging.makeLogRecord(json.loads(body))
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)
