"""Flows and checkpoints as they were decorated: what the decorators make and the engine reads."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from inspect import Parameter, Signature

from kitaru.core import keywords, names, retrying
from kitaru.core.caching import Cache
from kitaru.core.retrying import Retry
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruUsageError


class Runtime(Enum):
    """Where a checkpoint's function runs: in the attempt's process, or in one of its own."""

    INLINE = "inline"
    ISOLATED = "isolated"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowDefinition:
    """A decorated flow. `retry` says whether its body runs again after it raised.

    `cache` is whether its checkpoints may take results of other executions unless they say, and
    `timeout` how many seconds it may run; None: not said.
    """

    name: str
    function: Callable[..., UserValue]
    retry: Retry = retrying.NONE
    cache: bool | None = None
    timeout: float | None = None

    @property
    def retries(self) -> int:
        """How often its body runs again after it raised."""
        return self.retry.limit

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
    """A decorated checkpoint.

    `retry` says whether it is tried again when it raised, `timeout` is how many seconds each try may take (None:
    without end), `type` is text for people, `cache` whether and how it takes results of other executions (None: as the
    flow says).
    """

    name: str
    function: Callable[..., UserValue]
    retry: Retry = retrying.NONE
    timeout: float | None = None
    runtime: Runtime = Runtime.INLINE
    type: str | None = None
    cache: Cache | bool | None = None
    signature: Signature = field(compare=False)
    is_async: bool = False


def flow(
    function: Callable[..., UserValue],
    *,
    retries: Retry | int | None = None,
    timeout: float | timedelta | None = None,
) -> FlowDefinition:
    """Return the flow. Raises `KitaruUsageError` when the function cannot be one."""
    name = _name("flow", function)
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is Parameter.VAR_POSITIONAL for one in parameters):
        message = f"flow {name} takes *args: inputs are kept by name, so name its parameters."
        raise KitaruUsageError(message)
    policy = retrying.policy("Flow", retries)
    return FlowDefinition(name=name, function=function, retry=policy, timeout=check_timeout("Flow", timeout))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a checkpoint is decorated, checked; each as in `CheckpointDefinition`."""

    retry: Retry = retrying.NONE
    timeout: float | None = None
    runtime: Runtime = Runtime.INLINE
    type: str | None = None
    cache: Cache | bool | None = None


def checkpoint(function: Callable[..., UserValue], options: Options | None = None) -> CheckpointDefinition:
    """Return the checkpoint. Raises `KitaruUsageError` when the function cannot be one."""
    given = options or Options()
    return CheckpointDefinition(
        name=_name("checkpoint", function),
        function=function,
        retry=given.retry,
        timeout=given.timeout,
        runtime=given.runtime,
        type=given.type,
        cache=given.cache,
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


def check_timeout(what: str, timeout: float | timedelta | None) -> float | None:
    """Return the seconds. Raises `KitaruUsageError` unless they are more than none."""
    keywords.check_type(what, "timeout", timeout, (int, float, timedelta))
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    if seconds is None:
        return None
    if not 0 < seconds < math.inf:
        message = f"{what} timeout={timeout} must be more than 0 seconds; leave it out for no limit."
        raise KitaruUsageError(message)
    return float(seconds)


def check_runtime(runtime: str | None) -> Runtime:
    """Return where it runs, whatever the case of the letters. Raises `KitaruUsageError` for an unknown one."""
    keywords.check_type("Checkpoint", "runtime", runtime, (str,))
    if runtime is None:
        return Runtime.INLINE
    try:
        return Runtime(runtime.strip().lower())
    except ValueError as error:
        known = " or ".join(repr(one.value) for one in Runtime)
        message = f"Unsupported checkpoint runtime {runtime!r}: use {known}."
        raise KitaruUsageError(message) from error


def _name(what: str, function: Callable[..., UserValue]) -> str:
    if not inspect.isfunction(function):
        message = f"@{what} decorates functions, and this is {function!r}: wrap it in a function."
        raise KitaruUsageError(message)
    name = names.check_name(what, re.sub(r"\W", "_", function.__name__, flags=re.ASCII) or what)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        message = f"{what} {name} is a generator, which has no result to keep: return a list."
        raise KitaruUsageError(message)
    return name
