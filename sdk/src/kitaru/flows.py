"""`@flow`: the outer boundary of a durable execution."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic, NoReturn, Protocol, TypeVar, overload

import pydantic_core
from pydantic import JsonValue

from kitaru import connect
from kitaru.connect import ClusterStack, LocalStack, Stack
from kitaru.core import definitions, frozen, inputs, settings
from kitaru.core.definitions import FlowDefinition
from kitaru.core.frozen import FrozenExecutionSpec
from kitaru.core.images import ImageInput
from kitaru.core.settings import KitaruConfig
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


@dataclass(frozen=True, slots=True)
class Chosen:
    """Where to run, and how: as resolved, and as it is kept, with secrets masked."""

    stack: Stack
    settings: KitaruConfig
    frozen: FrozenExecutionSpec


class Flow(Generic[R]):
    """A decorated function. Its body runs through `.run()` or `.invoke()`, never by a direct call."""

    __name__: str

    def __init__(self, definition: FlowDefinition, settings_: KitaruConfig, stack: Stack | None) -> None:
        functools.update_wrapper(self, definition.function)
        self._definition = definition
        self._settings = settings_
        self._stack = stack
        self._own = frozenset(inspect.signature(definition.function).parameters)
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
        image: ImageInput | None = None,
        cache: bool | None = None,
        retries: int | None = None,
        **kwargs: object,
    ) -> FlowHandle[R]:
        """Start an execution from this process's code and return at once.

        The arguments are the flow's inputs. `stack`, `image`, `cache` and `retries` hold for this execution alone,
        above all other settings (docs/configuration.md); None leaves them as they are. A flow that has a parameter of
        such a name keeps it for itself.

        Raises `KitaruUsageError` when the arguments do not fit the function's signature, or a setting is wrong;
        nothing has started then.
        """
        _refuse_in_body("run")
        given = {"stack": stack, "image": image, "cache": cache, "retries": retries}
        own = {name: value for name, value in given.items() if name in self._own and value is not None}
        accepted = inputs.validate_inputs(self._definition, args, {**kwargs, **own})
        chosen = self._choose("run", {name: value for name, value in given.items() if name not in own})
        match chosen.stack:
            case LocalStack(executions=executions):
                exec_id = executions.run(self._definition, accepted, chosen.frozen)
                return FlowHandle(chosen.stack, exec_id, allow_pickle=True)
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
        layer = settings.layer("deploy()", {"image": image})
        merged = settings.resolve(layer, self._settings).image
        wanted = None if merged is None else merged.base_image
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

    def _choose(self, verb: str, given: Mapping[str, object]) -> Chosen:
        """Resolve what a call of `.run()` and the like gives, and what holds under it."""
        stack = given.get("stack")
        opened = stack if isinstance(stack, LocalStack | ClusterStack) else None
        asked = settings.layer(
            f"{self._definition.name}.{verb}()", {**given, "stack": None if opened is not None else stack}
        )
        if stack is None:
            opened = self._stack
        where, chosen = connect.choose(opened, asked, self._settings)
        return Chosen(where, chosen, frozen.freeze(where.name, chosen, self._settings))

    def _start(
        self, cluster: ClusterStack, version: int | None, tag: str | None, given: Mapping[str, object]
    ) -> FlowHandle[R]:
        start = Start(flow=self._definition.name, inputs=_json(given), version=version, tag=tag)
        return FlowHandle(cluster, cluster.executions.start(start), allow_pickle=True)

    def _cluster(self, stack: str | Stack | None, verb: str) -> ClusterStack:
        where = connect.choose(stack or self._stack, self._settings)[0]
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
def flow(
    *,
    stack: str | Stack | None = None,
    image: ImageInput | None = None,
    cache: bool | None = None,
    retries: int | None = None,
    timeout: float | timedelta | None = None,
) -> FlowDecorator: ...
def flow(
    func: Callable[..., Any] | None = None,
    /,
    *,
    stack: str | Stack | None = None,
    image: ImageInput | None = None,
    cache: bool | None = None,
    retries: int | None = None,
    timeout: float | timedelta | None = None,
) -> Flow[Any] | FlowDecorator:
    """Make a function a flow; usable bare and with options.

    Each option holds unless a call of `.run()` says otherwise: `stack` where the flow runs, `image` what its container
    is, `cache` whether its checkpoints may take results of other executions, `retries` how often the body runs again
    after it raised, finished calls reused; `timeout` how long it may run, waits not counted, in seconds or as a
    `timedelta`. What is not given comes from `kitaru.configure`, the environment, `pyproject.toml`, the active stack.

    Raises `KitaruUsageError` for an option that is wrong, such as negative retries, and for generator functions.
    """
    opened = stack if isinstance(stack, LocalStack | ClusterStack) else None
    given = {"stack": None if opened is not None else stack, "image": image, "cache": cache, "timeout": timeout}

    def decorate(function: Callable[..., Any], /) -> Flow[Any]:
        made = definitions.flow(function, retries=retries)
        layer = settings.layer("@flow", {**given, "retries": None if retries is None else made.retries})
        return Flow(dataclasses.replace(made, cache=layer.cache, timeout=layer.timeout), layer, opened)

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
