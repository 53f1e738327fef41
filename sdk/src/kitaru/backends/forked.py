"""What becomes of a process that user code forked, once that code comes back to the engine."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from typing import Final


class Home:
    """Ends every process but its own where user code comes back: the `back` of the engine's `World`.

    A fork copies the memory, and of all threads only the one that forked. If it went on in the child, it would run the
    flow a second time, or wait for ever for threads that are not there, as the worker of a thread pool does.
    """

    def __init__(self) -> None:
        self._process: Final = os.getpid()

    def __call__(self, error: BaseException | None) -> None:
        """Return in the process that made this; in a child, exit as Python does after this error, or after none."""
        if os.getpid() == self._process:
            return
        code = _code(error)
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _code(error: BaseException | None) -> int:
    match error:
        case None | SystemExit(code=None):
            return 0
        case SystemExit(code=int(code)):
            return code & 0xFF
        case SystemExit(code=text):
            sys.stderr.write(f"{text}\n")
            return 1
        case _:
            traceback.print_exception(error)
            return 1
