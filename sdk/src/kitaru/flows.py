"""`@flow`: the outer boundary of a durable execution."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Final, Generic, NoReturn, Protocol, TypeVar, overload

import pydantic_core
from pydantic import JsonValue

from kitaru import connect
from kitaru.connect import ClusterStack, LocalStack, Stack
from kitaru.core import definitions, inputs
from kitaru.core.definitions import FlowDefinition
from kitaru.engine import context
from kitaru.engine.context import Where
from kitaru.errors import (
    KitaruContextError,
    KitaruFeatureNotAvailableError,
    KitaruUsageError,
)
from kitaru.handles import Deployment, FlowHandle
from kitaru.local.registry import LOADED
from kitaru.ports import Deploy, Start

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

#: Names that `.deploy` and `.invoke` take for themselves.
_RESERVED: Final = frozenset({"image", "stack", "tag", "tags", "version"})


class Flow(Generic[R]):
    """A decorated function. Its body runs through `.run()` or `.invoke()`, never by a direct call."""

    __name__: str

    def __init__(
        self, definition: FlowDefinition, *, stack: str | Stack | None = None, image: str | None = None
    ) -> None:
        functools.update_wrapper(self, definition.function)
        self._definition = definition
        self._stack = stack
        self._image = image
        LOADED.add(definition)

    @property
    def definition(self) -> FlowDefinition:
        """What the engine runs."""
        return self._definition

    def __call__(self, *_args: object, **_kwargs: object) -> NoReturn:
        """Refuse: a direct call would run without a journal."""
        name = self._definition.name
        message = (
            f"{name} is a flow and is not called directly: use {name}.run(...) for a FlowHandle, "
            f"or {name}.invoke(...) for a deployed version."
        )
        raise KitaruUsageError(message)

    def run(
        self,
        *args: object,
        stack: str | Stack | None = None,
        retries: int | None = None,
        **kwargs: object,
    ) -> FlowHandle[R]:
        """Start an execution from this process's code and return at once.

        `stack` and `retries` hold for this execution alone. Raises `KitaruUsageError` when the
        arguments do not fit the function's signature; nothing has started then.
        """
        _refuse_in_body("run")
        definitions.check_retries("Flow", retries)
        accepted = inputs.validate_inputs(self._definition, args, kwargs)
        where = connect.open_stack(stack or self._stack)
        match where:
            case LocalStack(executions=executions):
                exec_id = executions.run(self._definition, accepted, retries)
                return FlowHandle(where, exec_id, allow_pickle=True)
            case ClusterStack(name=name):
                message = (
                    f"The stack {name!r} runs deployed versions only: call "
                    f"{self._definition.name}.deploy(image=...), then .invoke(...)."
                )
                raise KitaruFeatureNotAvailableError(message)

    def deploy(
        self,
        *,
        image: str | None = None,
        tags: Iterable[str] = (),
        stack: str | Stack | None = None,
        **inputs_: object,
    ) -> Deployment[R]:
        """Make a new immutable version of this flow on a Kubernetes stack and return it.

        `image` holds the flow's code and `kitaru-runner`; `tags` are moved to the new version; the
        other arguments become the inputs' defaults. Raises `KitaruUsageError` when they do not fit
        the signature.
        """
        _refuse_in_body("deploy")
        self._refuse_reserved()
        cluster = self._cluster(stack, "deploy")
        wanted = image or self._image
        if wanted is None:
            message = "image is missing: pass deploy(image=...), or decorate with @flow(image=...)."
            raise KitaruUsageError(message)
        made = cluster.flows.deploy(
            Deploy(
                flow=self._definition.name,
                entrypoint=self._definition.entrypoint,
                image=wanted,
                inputs=inputs.validate_defaults(self._definition, inputs_),
                schema=inputs.input_schema(self._definition),
                tags=tuple(tags),
            )
        )
        return Deployment(
            deployment_id=made.deployment,
            flow=made.flow,
            version=made.version,
            image=made.image,
            stack=cluster.name,
            created_at=made.created_at,
            starts=lambda version, given: self._start(cluster, version, None, given),
        )

    def invoke(
        self,
        *,
        version: int | None = None,
        tag: str | None = None,
        stack: str | Stack | None = None,
        **inputs_: object,
    ) -> FlowHandle[R]:
        """Start an execution of a deployed version: by number, by tag, else by the tag `default`.

        Inputs that are not given have the version's defaults; the version's own signature judges
        them.
        """
        _refuse_in_body("invoke")
        if version is not None and tag is not None:
            message = "version and tag are both given: name one of them."
            raise KitaruUsageError(message)
        if version is not None and version < 1:
            message = f"version is {version}: versions are numbered from 1."
            raise KitaruUsageError(message)
        return self._start(self._cluster(stack, "invoke"), version, tag, inputs_)

    def _start(
        self, cluster: ClusterStack, version: int | None, tag: str | None, given: Mapping[str, object]
    ) -> FlowHandle[R]:
        start = Start(flow=self._definition.name, inputs=_json(given), version=version, tag=tag)
        return FlowHandle(cluster, cluster.executions.start(start), allow_pickle=True)

    def _cluster(self, stack: str | Stack | None, verb: str) -> ClusterStack:
        where = connect.open_stack(stack or self._stack)
        if isinstance(where, ClusterStack):
            return where
        message = (
            f"The stack {where.name!r} keeps no versions: run this code with "
            f"{self._definition.name}.run(...), or name a Kubernetes stack: .{verb}(stack=...)."
        )
        raise KitaruFeatureNotAvailableError(message)

    def _refuse_reserved(self) -> None:
        taken = sorted(_RESERVED & inspect.signature(self._definition.function).parameters.keys())
        if taken:
            message = (
                f"{self._definition.name} has a parameter {taken[0]!r}, a name that .deploy() and "
                ".invoke() take for themselves: rename the parameter."
            )
            raise KitaruUsageError(message)


class FlowDecorator(Protocol):
    """What `@flow(...)` with options is."""

    @overload
    def __call__(self, function: Callable[..., Coroutine[Any, Any, R]], /) -> Flow[R]: ...
    @overload
    def __call__(self, function: Callable[..., R], /) -> Flow[R]: ...


@overload
def flow(func: Callable[..., Coroutine[Any, Any, R]], /) -> Flow[R]: ...
@overload
def flow(func: Callable[..., R], /) -> Flow[R]: ...
@overload
def flow(*, retries: int = 0, stack: str | Stack | None = None, image: str | None = None) -> FlowDecorator: ...
def flow(
    func: Callable[..., Any] | None = None,
    /,
    *,
    retries: int = 0,
    stack: str | Stack | None = None,
    image: str | None = None,
) -> Flow[Any] | FlowDecorator:
    """Make a function a flow; usable bare and with options.

    `retries` is how often the body runs again after it raised, finished calls reused; `stack` where
    it runs unless a call says otherwise; `image` what `.deploy()` deploys unless it is told.
    Raises `KitaruUsageError` for negative retries and for generator functions.
    """

    def decorate(function: Callable[..., Any], /) -> Flow[Any]:
        return Flow(definitions.flow(function, retries=retries), stack=stack, image=image)

    return decorate if func is None else decorate(func)


def _refuse_in_body(verb: str) -> None:
    if context.where() is Where.BODY:
        message = f".{verb}() is not allowed in a flow's body: call it within a checkpoint."
        raise KitaruContextError(message)


def _json(given: Mapping[str, object]) -> dict[str, JsonValue]:
    converted: dict[str, JsonValue] = {}
    for name, value in given.items():
        try:
            converted[name] = pydantic_core.to_jsonable_python(value)
        except pydantic_core.PydanticSerializationError as error:
            message = f"{name} cannot be written as JSON ({type(value).__name__}): give plain values."
            raise KitaruUsageError(message) from error
    return converted
