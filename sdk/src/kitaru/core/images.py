"""What a flow's container is made of, as users say it: text, a mapping, or `ImageSettings`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, TypeAlias, TypeGuard

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from kitaru.core import masking
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruFeatureNotAvailableError, KitaruUsageError

_Text = Annotated[str, Field(min_length=1)]

#: The name that `base_image` may have in a mapping.
_PARENT: Final = "parent_image"
#: What holds for an image without building one.
_AS_IT_IS: Final = frozenset({"base_image", "environment"})
_SECRETS: Final = "put it into a Kubernetes Secret, and name that in spec.runner.envFrom of the KitaruFlow"


class ImageSettings(BaseModel):
    """The container image of a flow's executions.

    `base_image` is a reference such as ``registry.example.com/agents:1``; `requirements` are lines of pip, or the path
    of a file of them; `apt_packages` are Debian packages; `dockerfile` is a path, built in the folder
    `build_context_root`; `environment` are variables of the container, and `secret_environment_from` names secrets
    whose keys become some; `replicate_local_python_environment` installs what is installed here, and text chooses how;
    `image_tag`, `target_repository`, `user` and `platform` are of the image that is built.

    None: not said. What a stack cannot do with it is refused when it is asked to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    base_image: _Text | None = None
    requirements: list[_Text] | _Text | None = None
    dockerfile: _Text | None = None
    build_context_root: _Text | None = None
    environment: dict[_Text, str] | None = None
    secret_environment_from: list[_Text] | None = None
    apt_packages: list[_Text] | None = None
    replicate_local_python_environment: bool | _Text | None = None
    image_tag: _Text | None = None
    target_repository: _Text | None = None
    user: _Text | None = None
    platform: _Text | None = None

    def is_empty(self) -> bool:
        """Whether nothing is said."""
        return not self.said()

    def said(self) -> dict[str, UserValue]:
        """Return the fields that are said, by name."""
        return {name: value for name, value in self if value is not None}


#: What `image=` takes.
ImageInput: TypeAlias = str | Mapping[str, UserValue] | ImageSettings


def read(what: str, value: UserValue) -> ImageSettings | None:
    """Return the settings that `value` stands for, None for None.

    Raises `KitaruUsageError` naming `what` and the field that is wrong.
    """
    if value is None or isinstance(value, ImageSettings):
        return value
    if isinstance(value, str):
        return _validated(what, {"base_image": value})
    if is_mapping(value):
        return _validated(what, value)
    message = f"{what} is a {type(value).__name__}: give an image's name, a mapping or kitaru.ImageSettings."
    raise KitaruUsageError(message)


def is_mapping(value: UserValue) -> TypeGuard[Mapping[str, UserValue]]:
    """Return whether it is a mapping; what its keys are is seen when they are read."""
    return isinstance(value, Mapping)


def merge(higher: ImageSettings | None, lower: ImageSettings | None) -> ImageSettings | None:
    """Return what two layers come to: `environment` name by name, every other field the higher one's if it says it."""
    if higher is None or lower is None:
        return lower if higher is None else higher
    both = {**lower.said(), **higher.said()}
    if lower.environment is not None and higher.environment is not None:
        both["environment"] = {**lower.environment, **higher.environment}
    return ImageSettings.model_validate(both)


def prebuilt(what: str, image: ImageSettings | None) -> tuple[str, Mapping[str, str]]:
    """Return the image that is run as it is, and the variables of its container.

    Raises `KitaruUsageError` without an image, and for a variable that looks like a secret;
    `KitaruFeatureNotAvailableError` for what only a build could do. Each names the field and what to do instead.
    """
    if image is None or image.is_empty():
        message = f"{what}: image is missing: give the name of an image that holds the flow and kitaru-runner."
        raise KitaruUsageError(message)
    if image.secret_environment_from is not None:
        message = f"{what}: image.secret_environment_from is not passed on: {_SECRETS}."
        raise KitaruFeatureNotAvailableError(message)
    built = [name for name in image.said() if name not in _AS_IT_IS]
    if built:
        message = (
            f"{what}: image.{built[0]} needs an image to be built, which this stack does not do: build one that has "
            "it, and give its name as base_image."
        )
        raise KitaruFeatureNotAvailableError(message)
    if image.base_image is None:
        message = f"{what}: image.base_image is missing: give the name of an image that holds the flow."
        raise KitaruUsageError(message)
    variables = image.environment or {}
    secrets = [name for name in variables if masking.is_secret(name)]
    if secrets:
        message = (
            f"{what}: image.environment.{secrets[0]} looks like a secret, and whoever may read the flow would see it: "
            f"{_SECRETS}."
        )
        raise KitaruUsageError(message)
    return image.base_image, variables


def _validated(what: str, value: Mapping[str, UserValue]) -> ImageSettings:
    if _PARENT in value and "base_image" in value:
        message = f"{what} has base_image and {_PARENT}, which is the same: remove one."
        raise KitaruUsageError(message)
    given = {"base_image" if key == _PARENT else key: one for key, one in value.items()}
    try:
        return ImageSettings.model_validate(given)
    except pydantic.ValidationError as error:
        message = f"{what}: {_problem(error)}"
        raise KitaruUsageError(message) from error


def _problem(error: pydantic.ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"][: 2 if first["loc"][0] == "environment" else 1])
    if first["type"] == "extra_forbidden":
        return f"an image has no field {field!r}; it has {', '.join(ImageSettings.model_fields)}."
    return f"{field} is wrong: {first['msg'][:1].lower()}{first['msg'][1:]}."
