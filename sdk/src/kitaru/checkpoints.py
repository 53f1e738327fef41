"""`@checkpoint`: functions whose results are kept, so that finished work is never repeated."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Generic, ParamSpec, TypeAlias, TypedDict, TypeVar, Unpack, overload

from pydantic import BaseModel

from kitaru.core import classes, definitions, keywords, matching, retrying
from kitaru.core.caching import Cache
from kitaru.core.definitions import CheckpointDefinition
from kitaru.core.keywords import Kinds
from kitaru.core.retrying import Retry
from kitaru.core.tagged import UserValue
from kitaru.engine import calls, context
from kitaru.engine.calls import Arguments
from kitaru.engine.futures import Future, FutureList
from kitaru.errors import KitaruUsageError

__all__ = [
    "Checkpoint",
    "CheckpointOptions",
    "CurrentCall",
    "Unmapped",
    "checkpoint",
    "current_call",
    "current_execution_id",
    "unmapped",
]

P = ParamSpec("P")
R = TypeVar("R")
#: What a direct call gives: the result itself, or of an async function a coroutine of it.
D = TypeVar("D")
T = TypeVar("T")

#: What a call can be made to wait for.
After: TypeAlias = Future[UserValue] | FutureList[UserValue] | Iterable[Future[UserValue]]

#: What each option may be.
_KINDS: Final[Mapping[str, Kinds]] = {
    "retries": (int, Retry),
    "timeout": (int, float, timedelta),
    "runtime": (str,),
    "type": (str,),
    "cache": (bool, Cache),
}

#: What is one value for every call of a `map`, though one could iterate over it.
_WHOLE: Final = (str, bytes, bytearray, Mapping, BaseModel)


class CheckpointOptions(TypedDict, total=False):
    """How a checkpoint is decorated.

    `retries` is how often a failed call is tried again: a number, at once, or a `Retry`. `timeout` is how long each
    try may take, in seconds or as a timedelta; one that takes longer fails with `KitaruTimeoutError`. `runtime` is
    "inline" (the default) or "isolated": a process of its own for each try, which a timeout or a cancellation kills.
    `type` is free text for people, such as "llm_call" or "tool_call". `cache` is whether a call may take the result
    that an equal call of another execution of the flow had, and a `Cache` says which; None: as the flow says.
    """

    retries: int | Retry
    timeout: float | timedelta | None
    runtime: str | None
    type: str | None
    cache: Cache | bool | None


@dataclass(frozen=True, slots=True)
class Unmapped(Generic[T]):
    """A value that every call of a `map` or `product` gets whole."""

    value: T


def unmapped(value: T) -> Unmapped[T]:
    """Give the value whole to every call of a `map` or `product`, though it is a list."""
    return Unmapped(value)


class Checkpoint(Generic[P, D, R]):
    """A decorated function. Call it in a flow's body; its result is durable from then on.

    `id` names the call, else it gets the function's name, with a number when there are several;
    `after` are futures that have to be done first. A function that has parameters of these names
    keeps them for itself.
    """

    def __init__(self, definition: CheckpointDefinition) -> None:
        functools.update_wrapper(self, definition.function)
        self._definition = definition
        self._own = frozenset(definition.signature.parameters) & {"id", "after"}

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> D: ...
    @overload
    def __call__(self, *args: UserValue, id: str, after: After = ..., **kwargs: UserValue) -> D: ...
    @overload
    def __call__(self, *args: UserValue, after: After, **kwargs: UserValue) -> D: ...
    def __call__(self, *args: UserValue, **kwargs: UserValue) -> UserValue:
        """Make the call and return its result; of an async function, await it."""
        return calls.call(self._definition, self._arguments(args, kwargs))

    @overload
    def submit(self, *args: P.args, **kwargs: P.kwargs) -> Future[R]: ...
    @overload
    def submit(self, *args: UserValue, id: str, after: After = ..., **kwargs: UserValue) -> Future[R]: ...
    @overload
    def submit(self, *args: UserValue, after: After, **kwargs: UserValue) -> Future[R]: ...
    @overload
    def submit(self, *args: UserValue, **kwargs: UserValue) -> Future[R]: ...
    def submit(self, *args: UserValue, **kwargs: UserValue) -> Future[R]:
        """Make the call beside the body and return its future. Futures may be arguments."""
        return calls.submit(self._definition, self._arguments(args, kwargs))

    def map(self, *args: UserValue, **kwargs: UserValue) -> FutureList[R]:
        """Make one call for each element of the iterables among the arguments.

        They must be equally long. Strings, bytes, mappings, models and what is not iterable go to
        every call; so does what is `unmapped`. Raises `KitaruUsageError` when nothing is mapped.
        """
        return self._many(args, kwargs, _zipped)

    def product(self, *args: UserValue, **kwargs: UserValue) -> FutureList[R]:
        """Make one call for each combination of elements of the iterables among the arguments."""
        return self._many(args, kwargs, itertools.product)

    def _many(
        self,
        args: Sequence[UserValue],
        kwargs: Mapping[str, UserValue],
        combine: Callable[..., Iterable[tuple[UserValue, ...]]],
    ) -> FutureList[R]:
        arguments = self._arguments(args, kwargs)
        places: list[int | str] = [*range(len(arguments.args)), *arguments.kwargs]
        values = [*arguments.args, *arguments.kwargs.values()]
        columns = [list(one) for one in values if _is_mapped(one)]
        if arguments.id is not None:
            message = f"{self._definition.name}: id= names one call, and this makes several."
            raise KitaruUsageError(message)
        if not columns:
            message = f"{self._definition.name}: no argument is a list, so there is nothing to map over."
            raise KitaruUsageError(message)
        return FutureList(self._one(places, _filled(values, row), arguments) for row in combine(*columns))

    def _one(self, places: Sequence[int | str], values: Iterable[UserValue], arguments: Arguments) -> Future[R]:
        row = dict(zip(places, values, strict=True))
        made = Arguments(
            args=[value for place, value in row.items() if isinstance(place, int)],
            kwargs={place: value for place, value in row.items() if isinstance(place, str)},
            after=arguments.after,
        )
        return calls.submit(self._definition, made)

    def _arguments(self, args: Sequence[UserValue], kwargs: Mapping[str, UserValue]) -> Arguments:
        options = {name: kwargs[name] for name in ("id", "after") if name in kwargs and name not in self._own}
        return Arguments(
            args=args,
            kwargs={name: value for name, value in kwargs.items() if name not in options},
            id=options.get("id"),
            after=_after(options.get("after")),
        )


class _Decorator:
    """`checkpoint` with its options, waiting for the function."""

    def __init__(self, options: CheckpointOptions) -> None:
        keywords.check("@checkpoint", options, _KINDS)
        self._options = definitions.Options(
            retry=retrying.policy("Checkpoint", options.get("retries")),
            timeout=definitions.check_timeout("Checkpoint", options.get("timeout")),
            runtime=definitions.check_runtime(options.get("runtime")),
            type=options.get("type"),
            cache=options.get("cache"),
        )

    @overload
    def __call__(
        self, function: Callable[P, Coroutine[UserValue, UserValue, R]]
    ) -> Checkpoint[P, Coroutine[UserValue, UserValue, R], R]: ...
    @overload
    def __call__(self, function: Callable[P, R]) -> Checkpoint[P, R, R]: ...
    def __call__(self, function: Callable[..., UserValue]) -> Checkpoint[..., UserValue, UserValue]:
        """Return the checkpoint."""
        return Checkpoint(definitions.checkpoint(function, self._options))


@overload
def checkpoint(
    function: Callable[P, Coroutine[UserValue, UserValue, R]],
) -> Checkpoint[P, Coroutine[UserValue, UserValue, R], R]: ...
@overload
def checkpoint(function: Callable[P, R]) -> Checkpoint[P, R, R]: ...
@overload
def checkpoint(**options: Unpack[CheckpointOptions]) -> _Decorator: ...
def checkpoint(
    function: Callable[..., UserValue] | None = None, **options: Unpack[CheckpointOptions]
) -> Checkpoint[..., UserValue, UserValue] | _Decorator:
    """Make a function a checkpoint: ``@checkpoint`` or ``@checkpoint(retries=2)``.

    Raises `KitaruUsageError` for a generator function and for an option that is wrong.
    """
    decorator = _Decorator(options)
    return decorator if function is None else decorator(function)


def _after(after: After | None) -> list[Future[UserValue]]:
    if after is None:
        return []
    return [after] if isinstance(after, Future) else list(after)


def _is_mapped(value: UserValue) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (*_WHOLE, Unmapped, Future))


def _filled(values: Iterable[UserValue], row: Iterable[UserValue]) -> Iterator[UserValue]:
    elements = iter(row)
    for value in values:
        if _is_mapped(value):
            yield next(elements)
        else:
            yield _whole(value)


def _zipped(*columns: Sequence[UserValue]) -> Iterable[tuple[UserValue, ...]]:
    lengths = {len(one) for one in columns}
    if len(lengths) > 1:
        message = f"The mapped arguments must be equally long, and are {sorted(lengths)} long."
        raise KitaruUsageError(message)
    return zip(*columns, strict=True)


def _whole(value: UserValue) -> UserValue:
    return value.value if classes.of(value) is Unmapped else value


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentCall:
    """The call whose function runs: its id, the checkpoint's name, and which try it is, from 1.

    `idempotency_key` is the same in every attempt; hand it to the outside world, so that what this
    call does there happens once, even when a crash makes it run again.
    """

    id: str
    name: str
    number: int
    idempotency_key: str


def current_call() -> CurrentCall:
    """Return the call whose function runs. Raises `KitaruContextError` outside of checkpoints."""
    frame = context.frame("kitaru.current_call() can only be called inside a @checkpoint.")
    return CurrentCall(
        id=frame.call.id,
        name=frame.call.place.name,
        number=frame.number,
        idempotency_key=matching.idempotency_key(frame.run.attempt.job.exec_id, frame.call),
    )


def current_execution_id() -> str | None:
    """Return the id of the execution whose flow or checkpoint runs, None outside of both."""
    found = context.current()
    return None if found is None else found.run.attempt.job.exec_id
