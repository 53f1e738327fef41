"""What was resolved for an execution when it was asked for, as it is kept and shown: secrets are masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue

from kitaru.core import images, masking, settings
from kitaru.core.images import ImageSettings
from kitaru.core.settings import KitaruConfig
from kitaru.core.spec import Spec
from kitaru.core.tagged import UserValue


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)  # a newer Kitaru may have frozen more


def _known(image: UserValue) -> UserValue:
    """Return an image without the fields that only a newer Kitaru knows."""
    if not images.is_mapping(image):
        return image
    return {name: image[name] for name in ImageSettings.model_fields if name in image}


class ResolvedExecutionConfig(_Part):
    """The settings that hold for an execution; `timeout` in seconds, None without a limit."""

    stack: str
    image: Annotated[ImageSettings | None, BeforeValidator(_known)] = None
    cache: bool = settings.CACHE
    retries: int = settings.RETRIES
    timeout: float | None = None


class FlowDefaults(_Part):
    """What the flow was decorated with; None: nothing."""

    stack: str | None = None
    image: Annotated[ImageSettings | None, BeforeValidator(_known)] = None
    cache: bool | None = None
    retries: int | None = None
    timeout: float | None = None


class ResolvedConnectionConfig(_Part):
    """Where it was sent: a server, if there is one, and the label under which."""

    server_url: str | None = None
    project: str | None = None


class FrozenExecutionSpec(_Part):
    """What was resolved for an execution, and what the flow was decorated with.

    `model_registry` maps the names of models that were configured; None when none were.
    """

    version: int = 1
    resolved_execution: ResolvedExecutionConfig
    flow_defaults: FlowDefaults = FlowDefaults()
    connection: ResolvedConnectionConfig = ResolvedConnectionConfig()
    model_registry: Mapping[str, JsonValue] | None = None


def freeze(stack: str, chosen: KitaruConfig, decorated: KitaruConfig) -> FrozenExecutionSpec:
    """Return what is kept of the settings that were resolved for an execution on `stack`."""
    return FrozenExecutionSpec(
        resolved_execution=ResolvedExecutionConfig(
            stack=stack,
            image=_masked(chosen.image),
            cache=settings.CACHE if chosen.cache is None else chosen.cache,
            retries=settings.RETRIES if chosen.retries is None else chosen.retries,
            timeout=chosen.timeout,
        ),
        flow_defaults=FlowDefaults(
            stack=decorated.stack,
            image=_masked(decorated.image),
            cache=decorated.cache,
            retries=decorated.retries,
            timeout=decorated.timeout,
        ),
        connection=ResolvedConnectionConfig(project=chosen.project),
    )


def dump(frozen: FrozenExecutionSpec) -> dict[str, JsonValue]:
    """Return it as JSON, for the spec."""
    return frozen.model_dump(mode="json", exclude_none=True)


def read(spec: Spec, stack: str) -> FrozenExecutionSpec:
    """Return what was frozen for an execution; where the spec has no settings, what its other fields say.

    `stack` is the stack's name as the reader knows it.
    """
    if spec.settings is not None:
        return FrozenExecutionSpec.model_validate(spec.settings)
    chosen = KitaruConfig(
        image=None if spec.image is None else ImageSettings(base_image=spec.image),
        cache=spec.cache,
        retries=spec.retries,
        timeout=spec.timeout,
    )
    return freeze(stack, chosen, KitaruConfig())


def _masked(image: ImageSettings | None) -> ImageSettings | None:
    if image is None:
        return None
    said = {name: masking.masked(value) for name, value in image.said().items()}
    if image.environment is not None:
        said["environment"] = dict(masking.environment(image.environment))
    return ImageSettings.model_validate(said)
