"""Flows and checkpoints as they were decorated: what the decorators make and the engine reads."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import Parameter, Signature

from kitaru.core import keywords, names
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruUsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowDefinition:
    """A decorated flow. `retries` is how often its body runs again after it raised.

    `cache` is whether its checkpoints may take results of other executions unless they say, and
    `timeout` how many seconds it may run; None: not said.
    """

    name: str
    function: Callable[..., UserValue]
    retries: int = 0
    cache: bool | None = None
    timeout: float | None = None

    @property
    def entrypoint(self) -> str:
        """Where it is found: ``module:qualname``."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    @property
    def is_async(self) -> bool:
        """Whether its body runs on an event loop."""
        return inspect.iscoroutinefunction(self.function)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointDefinition:
    """A decorated checkpoint. `retries` is how often it is tried again; `type` is text for people."""

    name: str
    function: Callable[..., UserValue]
    retries: int = 0
    type: str | None = None
    signature: Signature = field(compare=False)
    is_async: bool = False


def flow(function: Callable[..., UserValue], *, retries: int | None = None) -> FlowDefinition:
    """Return the flow. Raises `KitaruUsageError` when the function cannot be one."""
    name = _name("flow", function)
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is Parameter.VAR_POSITIONAL for one in parameters):
        message = f"flow {name} takes *args: inputs are kept by name, so name its parameters."
        raise KitaruUsageError(message)
    return FlowDefinition(name=name, function=function, retries=check_retries("Flow", retries))


def checkpoint(
    function: Callable[..., UserValue], *, retries: int = 0, type_: str | None = None
) -> CheckpointDefinition:
    """Return the checkpoint. Raises `KitaruUsageError` when the function cannot be one."""
    return CheckpointDefinition(
        name=_name("checkpoint", function),
        function=function,
        retries=check_retries("Checkpoint", retries),
        type=type_,
        signature=inspect.signature(function),
        is_async=inspect.iscoroutinefunction(function),
    )


def check_retries(what: str, retries: int | None) -> int:
    """Return the number, 0 for None. Raises `KitaruUsageError` when it is none or negative."""
    keywords.check_type(what, "retries", retries, (int,))
    if retries is not None and retries < 0:
        message = f"{what} retries must be >= 0."
        raise KitaruUsageError(message)
    return retries or 0


def _name(what: str, function: Callable[..., UserValue]) -> str:
    if not inspect.isfunction(function):
        message = f"@{what} decorates functions, and this is {function!r}: wrap it in a function."
        raise KitaruUsageError(message)
    name = names.check_name(what, re.sub(r"\W", "_", function.__name__, flags=re.ASCII))
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        message = f"{what} {name} is a generator, which has no result to keep: return a list."
        raise KitaruUsageError(message)
    return name
