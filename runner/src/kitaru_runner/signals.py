"""SIGTERM, told to a thread of its own: a handler runs in the middle of anything, and may take no lock."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Final

#: The byte by which the interpreter tells of this signal.
_TERMINATE: Final = bytes([signal.SIGTERM])


def on_terminate(told: Callable[[], None]) -> None:
    """Call `told` once in a thread when SIGTERM comes, also while the main thread is in a library's C code.

    Processes that user code forks take SIGTERM as ever: it is not the runner that their parent means.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def handle(_number: int, _frame: object) -> None:
        os.write(writer, _TERMINATE)

    def listen() -> None:
        while os.read(reader, 1) != _TERMINATE:
            pass  # another signal that user code has a handler for
        told()

    signal.signal(signal.SIGTERM, handle)
    # Written to at once by the interpreter, whereas the handler waits for the main thread's next step.
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    os.register_at_fork(before=_block, after_in_parent=_unblock, after_in_child=_forget)
    threading.Thread(target=listen, name="kitaru-signals", daemon=True).start()


def _block() -> None:
    # Until the child has forgotten the handler, what is sent to it would be told to its parent.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _forget() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _unblock()
