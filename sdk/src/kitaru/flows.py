"""`@flow`: the outer boundary of a durable execution."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic, Literal, NoReturn, Protocol, TypeVar, overload

from kitaru import connect, deployments, replays
from kitaru.connect import ClusterStack, LocalStack, Stack
from kitaru.core import definitions, frozen, inputs, settings
from kitaru.core.definitions import FlowDefinition
from kitaru.core.frozen import FrozenExecutionSpec
from kitaru.core.images import ImageInput
from kitaru.core.plans import ReplayPlan
from kitaru.core.retrying import Retry
from kitaru.core.settings import KitaruConfig
from kitaru.deployments import Deployment, DeploymentsClient, Wanted
from kitaru.errors import KitaruFeatureNotAvailableError, KitaruUsageError
from kitaru.handles import FlowHandle
from kitaru.local.registry import LOADED
from kitaru.replays import ReplayRequest

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

#: Names that `.deploy` and `.invoke` take for themselves.
_RESERVED: Final = frozenset(
    {"cache", "image", "publish_default_on_first_deploy", "retries", "stack", "tag", "tags", "version"}
)


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
        deployments.refuse_in_body("run")
        given = {"stack": stack, "image": image, "cache": cache, "retries": retries}
        own = {name: value for name, value in given.items() if name in self._own and value is not None}
        accepted = inputs.validate_inputs(self._definition, args, {**kwargs, **own})
        chosen = self._choose("run", {name: value for name, value in given.items() if name not in own})
        match chosen.stack:
            case LocalStack(executions=executions):
                exec_id = executions.run(self._definition, accepted, chosen.frozen)
                return FlowHandle(chosen.stack, exec_id, allow_pickle=True, began=True)
            case ClusterStack(name=name):
                message = (
                    f"The stack {name!r} runs deployed versions only: call "
                    f"{self._definition.name}.deploy(image=...), then .invoke(...)."
                )
                raise KitaruFeatureNotAvailableError(message)

    @overload
    def replay(
        self,
        exec_id: str,
        *,
        from_: str,
        overrides: Mapping[str, object] | None = None,
        checkpoint_overrides: Mapping[str, Mapping[str, object]] | None = None,
        wait_overrides: Mapping[str, object] | None = None,
        dry_run: Literal[False] = False,
        stack: str | Stack | None = None,
        image: ImageInput | None = None,
        cache: bool | None = None,
        retries: int | None = None,
        **flow_inputs: object,
    ) -> FlowHandle[R]: ...
    @overload
    def replay(
        self,
        exec_id: str,
        *,
        from_: str,
        overrides: Mapping[str, object] | None = None,
        checkpoint_overrides: Mapping[str, Mapping[str, object]] | None = None,
        wait_overrides: Mapping[str, object] | None = None,
        dry_run: Literal[True],
        stack: str | Stack | None = None,
        image: ImageInput | None = None,
        cache: bool | None = None,
        retries: int | None = None,
        **flow_inputs: object,
    ) -> ReplayPlan: ...
    def replay(
        self,
        exec_id: str,
        *,
        from_: str,
        overrides: Mapping[str, object] | None = None,
        checkpoint_overrides: Mapping[str, Mapping[str, object]] | None = None,
        wait_overrides: Mapping[str, object] | None = None,
        dry_run: bool = False,
        stack: str | Stack | None = None,
        image: ImageInput | None = None,
        cache: bool | None = None,
        retries: int | None = None,
        **flow_inputs: object,
    ) -> FlowHandle[R] | ReplayPlan:
        """Start a new execution of this code that reuses what an execution recorded before its call `from_`.

        docs/replay.md says how calls are selected, what `overrides`, `checkpoint_overrides` and `wait_overrides` give,
        and what is reused. `flow_inputs` replace recorded inputs; all others are carried over. With `dry_run` nothing
        starts, and the plan is returned. The settings are those of `.run()`.

        Raises `LookupError` for an unknown execution, `KitaruStateError` for a running one and for a selector that
        means nothing or several, `KitaruUsageError` for wrong overrides and inputs.
        """
        deployments.refuse_in_body("replay")
        given = {"stack": stack, "image": image, "cache": cache, "retries": retries}
        own = {name: value for name, value in given.items() if name in self._own and value is not None}
        chosen = self._choose("replay", {name: value for name, value in given.items() if name not in own})
        request = ReplayRequest(
            from_=from_,
            inputs={**flow_inputs, **own},
            overrides=overrides,
            checkpoint_overrides=checkpoint_overrides,
            wait_overrides=wait_overrides,
        )
        return self._replay(chosen, exec_id, request, dry_run=dry_run)

    def _replay(
        self, chosen: Chosen, exec_id: str, request: ReplayRequest, *, dry_run: bool
    ) -> FlowHandle[R] | ReplayPlan:
        prepared = replays.prepare(chosen.stack, exec_id, request, self._definition)
        if dry_run:
            return prepared.plan
        match chosen.stack:
            case LocalStack(executions=executions):
                started = executions.replay(prepared.start, self._definition, chosen.frozen)
            case ClusterStack(executions=executions):
                started = executions.replay(prepared.start)
        return FlowHandle(chosen.stack, started, allow_pickle=True)

    def deploy(
        self,
        *args: object,
        stack: str | Stack | None = None,
        image: ImageInput | None = None,
        cache: bool | None = None,
        retries: int | None = None,
        tags: Mapping[str, bool] | Iterable[str] = (),
        publish_default_on_first_deploy: bool = True,
        force: bool | None = None,
        **kwargs: object,
    ) -> Deployment[R]:
        """Make a new immutable version of this flow and return it. The body does not run.

        The arguments become defaults of the flow's inputs, and those that are left out stay open. Locally the version
        keeps the project's source; on Kubernetes `image` holds it, with `kitaru-runner`. `tags` are put on the new
        version: each of a list leaves all other versions, a mapping says of each whether it does. The first version
        gets the tag `default` unless `publish_default_on_first_deploy` is false. `force` takes over what somebody else
        manages of the flow's resource; a flow that has a parameter of that name keeps it for itself.

        Raises `KitaruUsageError` when the inputs do not fit the signature, or the stack cannot keep the code.
        """
        deployments.refuse_in_body("deploy")
        self._refuse_reserved()
        own = {"force": force} if "force" in self._own and force is not None else {}
        chosen = self._choose("deploy", {"stack": stack, "image": image, "cache": cache, "retries": retries})
        wanted = Wanted(
            args=args,
            kwargs={**kwargs, **own},
            tags=tags,
            publish=publish_default_on_first_deploy,
            force=bool(force) and not own,
            image=chosen.settings.image,
            settings=frozen.dump(chosen.frozen),
        )
        return deployments.deploy(self._definition, chosen.stack, wanted)

    def deployments(self, *, stack: str | Stack | None = None) -> Sequence[Deployment[R]]:
        """Return the versions of this flow, the newest first."""
        return self._versions(stack).list(flow=self._definition.name)

    def deployment(
        self, *, version: int | None = None, tag: str | None = None, stack: str | Stack | None = None
    ) -> Deployment[R]:
        """Return a version: by number, by tag, else by the tag `default`. Raises `LookupError` when there is none."""
        return self._versions(stack).choose(self._definition.name, version, tag)

    def invoke(
        self,
        *,
        version: int | None = None,
        tag: str | None = None,
        stack: str | Stack | None = None,
        **inputs_: object,
    ) -> FlowHandle[R]:
        """Start an execution of a deployed version: by number, by tag, else by the tag `default`.

        It runs the code that was deployed, whatever this process has loaded. Inputs that are not given have the
        version's defaults; the version's own schema judges them.
        """
        deployments.refuse_in_body("invoke")
        return self._versions(stack).invoke(flow=self._definition.name, version=version, tag=tag, inputs=inputs_)

    def _versions(self, stack: str | Stack | None) -> DeploymentsClient:
        return DeploymentsClient(self._choose("invoke", {"stack": stack}).stack)

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
    retries: Retry | int | None = None,
    timeout: float | timedelta | None = None,
) -> FlowDecorator: ...
def flow(
    func: Callable[..., Any] | None = None,
    /,
    *,
    stack: str | Stack | None = None,
    image: ImageInput | None = None,
    cache: bool | None = None,
    retries: Retry | int | None = None,
    timeout: float | timedelta | None = None,
) -> Flow[Any] | FlowDecorator:
    """Make a function a flow; usable bare and with options.

    Each option holds unless a call of `.run()` says otherwise. `stack` is where the flow runs, `image` what its
    container is, `cache` whether its checkpoints may take results of other executions; `retries` is how often the body
    runs again after it raised, finished calls reused, or a `kitaru.Retry` that also says when; `timeout` is how long
    it may run, waits not counted, in seconds or as a `timedelta`. What is not given comes from `kitaru.configure`, the
    environment, `pyproject.toml`, the active stack.

    Raises `KitaruUsageError` for an option that is wrong, such as negative retries, and for generator functions.
    """
    opened = stack if isinstance(stack, LocalStack | ClusterStack) else None
    given = {"stack": None if opened is not None else stack, "image": image, "cache": cache, "timeout": timeout}

    def decorate(function: Callable[..., Any], /) -> Flow[Any]:
        made = definitions.flow(function, retries=retries)
        layer = settings.layer("@flow", {**given, "retries": None if retries is None else made.retries})
        return Flow(dataclasses.replace(made, cache=layer.cache, timeout=layer.timeout), layer, opened)

    return decorate if func is None else decorate(func)
