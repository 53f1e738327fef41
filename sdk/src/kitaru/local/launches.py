"""Processes that go on with an execution for others: how each is started, and what is kept of that.

Such a process is `kitaru.worker`. It loads the flow as it lies on disk now, in the Python and the folder in which the
execution was started, and writes to a log of its own in the store's folder, `workers/<id>.log`.
"""

from __future__ import annotations

import functools
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

from kitaru.backends import durable
from kitaru.core.spec import Launch, Spec
from kitaru.errors import KitaruStateError
from kitaru.local import registry

WORKER: Final = "kitaru.worker"
#: Seconds within which a worker has the execution's lock. It imports Kitaru and opens the store before, no user code.
_PATIENCE: Final = 60.0
#: Characters of a worker's log that an error shows.
_SHOWN: Final = 2000


class Started(StrEnum):
    """What a worker says once it knows, as a line on its standard output."""

    RUNNING = "running"
    """It has the execution's lock, and goes on with it."""
    BUSY = "busy"
    """Another process was faster, or there is nothing to go on with."""


def here(function: Callable[..., object]) -> Launch:
    """Return how another process loads the code that this one has loaded the function from."""
    folder = _folder()
    module, script = _names(function)
    return Launch(
        interpreter=sys.executable,
        folder=folder,
        paths=_absolute(folder, tuple(sys.path)),
        module=module,
        script=script,
    )


def start(store: Path, frozen: Spec, epoch: int) -> Started:
    """Start a worker, detached, which goes on after epoch `epoch`; returns once it has the lock, or has not got it.

    Raises `KitaruStateError` with the command to run where none can be started.
    """
    launch = checked(store, frozen)
    log = store / "workers" / f"{frozen.name}.log"
    durable.make_folder(log.parent)
    interpreter = frozen.bundle.interpreter if frozen.bundle else launch.interpreter
    command = [interpreter, "-P", "-m", WORKER, "--detach", "--epoch", str(epoch), str(store), frozen.name]
    folder = launch.folder if Path(launch.folder).is_dir() else str(store)
    with log.open("ab") as output:
        begin = output.tell()
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                timeout=_PATIENCE,
                check=False,
                start_new_session=True,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            output.write(f"{error}\n".encode())
            done = None
    said = "" if done is None else done.stdout.decode().strip()
    if said in set(Started):
        return Started(said)
    message = (
        f"The worker for execution {frozen.name} did not begin: see {log}, and run {command_of(store, frozen)}. "
        f"It said: {_end_of(log, begin)}"
    )
    raise KitaruStateError(message)


def command_of(store: Path, frozen: Spec) -> str:
    """Return the command, for a shell, by which a person goes on with the execution."""
    interpreter, folder = "python", None
    if frozen.launch is not None:
        found = frozen.bundle.interpreter if frozen.bundle else frozen.launch.interpreter
        interpreter = found if Path(found).exists() else interpreter
        folder = frozen.launch.folder
    command = shlex.join([interpreter, "-P", "-m", WORKER, str(store), frozen.name])
    return f"`{command}`" if folder is None else f"`cd {shlex.quote(folder)} && {command}`"


def is_possible(frozen: Spec) -> bool:
    """Whether another process can load the execution's flow at all, as far as one can tell without trying."""
    return _obstacle(frozen, "") is None


def checked(store: Path, frozen: Spec) -> Launch:
    """Return how a worker loads the execution's flow. Raises `KitaruStateError` with the remedy when none can."""
    obstacle = _obstacle(frozen, command_of(store, frozen))
    if obstacle is None and frozen.launch is not None:
        return frozen.launch
    message = f"The flow of execution {frozen.name} is not loaded in this process, and {obstacle}"
    raise KitaruStateError(message)


def _obstacle(frozen: Spec, command: str) -> str | None:
    """Return why no worker can be started, and the remedy: mostly to run `command`."""
    launch = frozen.launch
    if registry.is_nameless(frozen.entrypoint):
        return (
            f"it was made inside a function ({frozen.entrypoint}), which only the process that started it can tell "
            "from others: define it at the top of a module."
        )
    if launch is None or (launch.module is None and launch.script is None):
        again = f"kitaru.KitaruClient().executions.retry({frozen.name!r})"
        return f"it was defined where no file is ({frozen.file}): define it again there, and run `{again}`."
    interpreter = frozen.bundle.interpreter if frozen.bundle else launch.interpreter
    if not interpreter or not Path(interpreter).exists():
        return f"its Python {interpreter} is gone: with one that has the flow's packages, run {command}."
    if frozen.bundle is not None:
        return None
    if not Path(launch.folder).is_dir():
        return f"the folder in which it was started, {launch.folder}, is gone: restore it, and run {command}."
    if launch.script is not None and not Path(launch.script).is_file():
        return f"its file {launch.script} is gone: restore it, and run {command}."
    return None


@functools.lru_cache(maxsize=8)
def _absolute(folder: str, entries: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(Path(folder, entry)) for entry in entries)


def _names(function: Callable[..., object]) -> tuple[str | None, str | None]:
    """Return the name of the function's module, or the path of its script; neither where there is no file."""
    if function.__module__ not in {"__main__", "__mp_main__"}:
        return function.__module__, None
    # `python -m package.module`: the module is found by that name.
    spec = sys.modules["__main__"].__spec__ if function.__module__ == "__main__" else None
    if spec is not None:
        return spec.name, None
    file = registry.file_of(function)
    return None, file if Path(file).is_file() else None


def _folder() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return os.sep  # it was removed under this process


def _end_of(log: Path, begin: int) -> str:
    text = log.read_bytes()[begin:].decode(errors="replace").strip()
    return text[-_SHOWN:] or f"it said nothing within {_PATIENCE:g} s"
