"""Ctrl-C, told from user code that raises the same: the one ends the process, the other is a failure like any other."""

from __future__ import annotations

import threading

from kitaru.engine.world import World


def is_ctrl_c(world: World, error: BaseException | None) -> bool:
    """Whether a person ended the process: the interpreter raises it in the main thread, and in no other.

    A process without a keyboard, such as a pod, is ended by other means. There, a KeyboardInterrupt that ended the
    attempt without a record would have the next attempt raise it again, and so on for ever.
    """
    if not isinstance(error, KeyboardInterrupt):
        return False
    return world.keyboard and threading.current_thread() is threading.main_thread()
