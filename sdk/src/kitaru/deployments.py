"""Deployed versions of flows: making, finding, starting and tagging them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

import pydantic_core
from pydantic import JsonValue

from kitaru.connect import ClusterStack, LocalStack, Stack
from kitaru.core import images, inputs, routes
from kitaru.core.definitions import FlowDefinition
from kitaru.core.images import ImageSettings
from kitaru.core.tagged import UserValue
from kitaru.engine import context
from kitaru.engine.context import Where
from kitaru.errors import KitaruContextError, KitaruUsageError
from kitaru.handles import FlowHandle
from kitaru.local import projects, registry
from kitaru.local.projects import Commit
from kitaru.local.registry import LOADED
from kitaru.ports import Deploy, Deployed, Start

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment(Generic[R]):
    """One immutable version of a flow on a stack, as it was when it was asked for.

    `tags` says of each tag whether it is exclusive: on this version alone. `commit_sha` is the source's commit and
    `commit_dirty` whether the source differed from it, None where it is not known; `schema` the JSON Schema of the
    inputs. On Kubernetes the code is in `image`, whose digest is `image_digest` if it was deployed by one; locally it
    is in the bundle whose SHA-256 is `bundle`.
    """

    deployment_id: str
    flow: str
    version: int
    tags: Mapping[str, bool] = field(hash=False)
    commit_sha: str | None
    commit_dirty: bool | None
    image_digest: str | None
    created_at: datetime
    schema: Mapping[str, JsonValue] | None = field(hash=False)
    stack: str
    image: str | None = None
    bundle: str | None = None
    client: DeploymentsClient = field(repr=False, compare=False)

    def invoke(self, **inputs: object) -> FlowHandle[R]:
        """Start an execution of this very version. What is not given has the version's defaults."""
        return self.client.invoke(flow=self.flow, version=self.version, inputs=inputs)

    def add_tag(self, tag: str, *, exclusive: bool = False) -> Deployment[R]:
        """Put a tag on this version and return it anew; an exclusive tag leaves all others in the same moment.

        `default` is always exclusive. Raises `KitaruStateError` for a shared tag that another version has to itself.
        """
        return self.client.tag(flow=self.flow, version=self.version, tag=tag, exclusive=exclusive)

    def remove_tag(self, tag: str) -> Deployment[R]:
        """Take a tag off this version and return it anew. Raises `KitaruUsageError` for `default`."""
        return self.client.untag(flow=self.flow, version=self.version, tag=tag)

    def delete(self) -> None:
        """Delete this version; its executions go on. Raises `KitaruStateError` while an exclusive tag is on it."""
        self.client.delete(flow=self.flow, version=self.version)


class DeploymentsClient:
    """`KitaruClient().deployments`: the deployed flows of one stack, by name, without their code.

    What does not exist is a `LookupError`.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def list(self, *, flow: str | None = None) -> Sequence[Deployment[UserValue]]:
        """Return the versions of a flow, the newest first; without a name those of all flows, by name."""
        name = None if flow is None else routes.check_flow(flow)
        return [_deployment(self._stack, found) for found in self._stack.flows.list(name)]

    def get(self, *, flow: str, version: int | None = None, tag: str | None = None) -> Deployment[UserValue]:
        """Return the version of this number or with this tag; exactly one of them is given.

        Raises `KitaruStateError` when several versions have the tag.
        """
        if version is None and tag is None:
            message = "version and tag are both missing: give one of them, such as tag='default'."
            raise KitaruUsageError(message)
        return self.choose(flow, version, tag)

    def choose(self, flow: str, version: int | None, tag: str | None) -> Deployment[UserValue]:
        """Return the version of this number or with this tag, else with the tag `default`.

        Raises `KitaruStateError` when several versions have the tag, or when no version is the default.
        """
        name = routes.check_flow(flow)
        number, route = routes.check_selector(version, tag)
        return _deployment(self._stack, self._stack.flows.get(name, number, route))

    def invoke(
        self,
        *,
        flow: str,
        version: int | None = None,
        tag: str | None = None,
        inputs: Mapping[str, object] | None = None,
    ) -> FlowHandle[UserValue]:
        """Start an execution of a version: by number, by tag, else by the tag `default`.

        Inputs that are not given have the version's defaults. Raises `KitaruUsageError` when they do not fit its own
        schema; nothing has started then.
        """
        refuse_in_body("invoke")
        name = routes.check_flow(flow)
        number, route = routes.check_selector(version, tag)
        start = Start(flow=name, inputs=_json(inputs or {}), version=number, tag=route)
        return FlowHandle(self._stack, self._stack.executions.start(start), allow_pickle=True)

    def tag(self, *, flow: str, version: int, tag: str, exclusive: bool = False) -> Deployment[UserValue]:
        """Put a tag on a version; an exclusive tag, as `default` always is, leaves all others in the same moment.

        Raises `KitaruStateError` for a shared tag that another version has to itself.
        """
        name, number, route = routes.check_flow(flow), routes.check_version(version), routes.check_tag(tag)
        return _deployment(self._stack, self._stack.flows.tag(name, number, route, exclusive=exclusive))

    def untag(self, *, flow: str, version: int, tag: str) -> Deployment[UserValue]:
        """Take a tag off a version. Raises `KitaruUsageError` for `default`, which can only be moved."""
        name, number, route = routes.check_flow(flow), routes.check_version(version), routes.check_tag(tag)
        return _deployment(self._stack, self._stack.flows.untag(name, number, route))

    def delete(self, *, flow: str, version: int) -> None:
        """Delete a version; its executions go on. Raises `KitaruStateError` while an exclusive tag is on it."""
        self._stack.flows.delete(routes.check_flow(flow), routes.check_version(version))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What `.deploy()` was given, and what the flow's settings come to: `image`, and `settings` as they are kept."""

    args: Sequence[object] = ()
    kwargs: Mapping[str, object]
    tags: Mapping[str, bool] | Iterable[str] = ()
    publish: bool = True
    force: bool = False
    image: ImageSettings | None = None
    settings: Mapping[str, JsonValue] | None = None


def deploy(definition: FlowDefinition, stack: Stack, wanted: Wanted) -> Deployment[UserValue]:
    """Make a version of a flow; its body does not run.

    Raises `KitaruUsageError` when the inputs do not fit the signature, and for what the stack cannot deploy.
    """
    asked = Deploy(
        flow=definition.name,
        entrypoint=definition.entrypoint,
        inputs=inputs.validate_defaults(definition, wanted.kwargs, wanted.args),
        schema=inputs.input_schema(definition),
        tags=routes.check_tags(wanted.tags),
        publish=wanted.publish,
        file=registry.file_of(definition.function),
        source=LOADED.source_of(definition),
        settings=wanted.settings,
        force=wanted.force,
    )
    match stack:
        case LocalStack():
            return _deployment(stack, stack.flows.deploy(asked))
        case ClusterStack():
            return _deployment(stack, stack.flows.deploy(_in_image(asked, wanted)))


def refuse_in_body(verb: str) -> None:
    """Raise `KitaruContextError` when a flow's body calls `.run()` and the like."""
    if context.where() is Where.BODY:
        message = f".{verb}() is not allowed in a flow's body: call it within a checkpoint."
        raise KitaruContextError(message)


def _in_image(asked: Deploy, wanted: Wanted) -> Deploy:
    """Return what a cluster is asked for. Raises when the image is missing, or would have to be built."""
    image, environment = images.prebuilt("deploy()", wanted.image)
    file = Path(asked.file or "")
    state = projects.commit(file) if file.is_file() else Commit()
    return replace(asked, image=image, environment=environment, commit=state.id, dirty=state.dirty)


def _deployment(stack: Stack, found: Deployed) -> Deployment[UserValue]:
    _, _, digest = (found.image or "").partition("@")
    return Deployment(
        deployment_id=found.deployment,
        flow=found.flow,
        version=found.version,
        tags=found.tags,
        commit_sha=found.commit,
        commit_dirty=found.dirty,
        image_digest=digest or None,
        created_at=found.created_at,
        schema=found.schema,
        stack=stack.name,
        image=found.image,
        bundle=found.bundle,
        client=DeploymentsClient(stack),
    )


def _json(given: Mapping[str, object]) -> dict[str, JsonValue]:
    converted: dict[str, JsonValue] = {}
    for name, value in given.items():
        try:
            converted[name] = pydantic_core.to_jsonable_python(value)
        except pydantic_core.PydanticSerializationError as error:
            message = f"{name} cannot be written as JSON ({type(value).__name__}): give plain values."
            raise KitaruUsageError(message) from error
    return converted
