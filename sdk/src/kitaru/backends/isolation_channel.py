"""The other end of `kitaru.backends.isolation`: what the process has that was started."""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import select
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Final

#: How what is sent begins: a message for the engine, a log record for the handlers of the process there.
MESSAGE: Final = b"m"
RECORD: Final = b"r"
#: Of prctl(2): which signal this process gets when the thread that started it ends.
_SET_DEATH_SIGNAL: Final = 1


class Channel:
    """The end of the process that was started. Its methods may be called from several threads."""

    def __init__(self, file: int, parent: int) -> None:
        """Take the descriptor; the process ends when `parent` does."""
        _die_with(parent)
        self._connection = Connection(file)
        self._sending = threading.Lock()
        threading.Thread(target=_watch, args=(file,), name="kitaru-isolated", daemon=True).start()

    def receive(self) -> bytes | None:
        """Return the next message, None when the other end is closed."""
        with contextlib.suppress(OSError, EOFError):
            return self._connection.recv_bytes()
        return None

    def send(self, message: bytes) -> None:
        """Send a message to the engine."""
        self._send(MESSAGE + message)

    def record(self, record: dict[str, object]) -> None:
        """Send a log record to the handlers of the other process."""
        self._send(RECORD + json.dumps(record).encode())

    def _send(self, body: bytes) -> None:
        with self._sending, contextlib.suppress(OSError):
            self._connection.send_bytes(body)


class LogForwarder(logging.Handler):
    """Has log records handled by the process that started this one."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel
        self._plain = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record, its message and traceback as text."""
        trace = record.exc_info and self._plain.formatException(record.exc_info)
        self._channel.record(
            {
                "name": record.name,
                "levelno": record.levelno,
                "levelname": record.levelname,
                "msg": record.getMessage(),
                "pathname": record.pathname,
                "filename": record.filename,
                "module": record.module,
                "lineno": record.lineno,
                "funcName": record.funcName,
                "created": record.created,
                "exc_text": trace or record.exc_text,
            }
        )


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it died before


def _watch(file: int) -> None:
    """End this process, and what it started, when the other end of the channel is closed."""
    closed = select.poll()
    closed.register(file, select.POLLHUP)
    closed.poll()
    os.killpg(0, signal.SIGKILL)
