"""What an attempt and the process of an isolated checkpoint say to each other.

Both are the same installation of Kitaru, and trust each other: messages are pickled.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final, TypeAlias

from pydantic import JsonValue

from kitaru.core import values
from kitaru.core.capture import Capture
from kitaru.core.history import Call
from kitaru.core.journal import Failure, Saved, Slot
from kitaru.core.tagged import UserValue
from kitaru.core.values import Encoded
from kitaru.errors import KitaruSerializationError

_MAIN: Final = "__main__"
_SCRIPT: Final = f"{_MAIN}."
#: Decorators around one function.
_MOST: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A function where its module keeps it, under `wraps` decorators.

    `file` is the module's; that of a script is loaded again under the name `module`, so that its main part does not
    run. `copy` is a script's function pickled: it may be defined below the place where the script starts a flow.
    """

    module: str
    qualname: str
    wraps: int
    file: str | None = None
    copy: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A function that no module keeps under a name, such as a closure: pickled."""

    body: bytes


Function: TypeAlias = Named | Copied


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One try of a call. `arguments` are its positional and named ones, pickled."""

    execution: str
    flow: str
    call: Call
    number: int
    function: Function
    arguments: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """The process has loaded the code and the arguments, and the function begins: its time runs from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The process emits telemetry."""

    line: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush:
    """The process asks that telemetry be written; the reply is a `Reply` of whether all of it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHistory:
    """The process asks for the log of an execution; the reply is a `Reply` of slots."""

    execution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GetArtifact:
    """The process asks for an artifact of an execution whose history it has; the reply is a `Reply` of bytes."""

    execution: str
    artifact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What was asked for, or the exception that it raised."""

    found: tuple[Slot, ...] | bytes | bool | None = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The function ended: with a result, encoded, or with a failure. What it saved and logged in either case."""

    encoded: Encoded | None
    failure: Failure | None
    saved: tuple[tuple[Saved, Encoded], ...]
    logged: Mapping[str, JsonValue]


Question: TypeAlias = Flush | OpenHistory | GetArtifact
Message: TypeAlias = Errand | Began | Line | Question | Reply | Done


def write(message: Message) -> bytes:
    """Return the message as bytes."""
    return pickle.dumps(message)


def read(body: bytes) -> Message:
    """Return the message that `body` holds: only from the other end of a channel of one's own."""
    return pickle.loads(body)


def function_of(function: Callable[..., UserValue], name: str) -> Function:
    """Return how another process finds the function. `name` is the checkpoint's, for errors.

    Raises `KitaruSerializationError` for a function that can neither be found by its name nor be pickled.
    """
    module = sys.modules.get(function.__module__)
    if module is not None:
        wraps = _wraps(module, function)
        where = _where(module)
        if wraps is not None and where is not None:
            called, file = where
            copy = _copy(function) if called.startswith(_SCRIPT) else None
            return Named(module=called, qualname=function.__qualname__, wraps=wraps, file=file, copy=copy)
    return Copied(body=values.pickle(function, f"{name} → its function"))


def _copy(function: Callable[..., UserValue]) -> bytes | None:
    with Capture(KitaruSerializationError):
        return values.pickle(function, "function")
    return None


def _wraps(module: ModuleType, function: Callable[..., UserValue]) -> int | None:
    """Return under how many decorators the module keeps the function, None if it does not keep it."""
    found: object = module
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    for wraps in range(_MOST):
        if found is function:
            return wraps
        found = getattr(found, "__wrapped__", None)
    return None


def _where(module: ModuleType) -> tuple[str, str | None] | None:
    """Return what a module is called in another process, and its file; None for one that no file is left of."""
    given: str | None = getattr(module, "__file__", None)
    # "<stdin>" and the like are no files.
    file = None if given is None or given.startswith("<") else str(Path(given).absolute())
    if module.__name__ != _MAIN:
        return module.__name__, file
    spec = module.__spec__
    if spec is not None and file is not None:
        return f"{_SCRIPT}{spec.name}", file
    return None if file is None else (f"{_SCRIPT}{Path(file).stem}", file)
