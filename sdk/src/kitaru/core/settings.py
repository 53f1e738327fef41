"""How executions are to run: settings in layers, and what they come to.

    .run()  >  @flow  >  kitaru.configure()  >  environment  >  pyproject.toml  >  active stack and defaults

The first layer that says something wins, field by field; of `image` the layers are merged (`kitaru.core.images`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict

from kitaru.core import images
from kitaru.core.images import ImageSettings
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruUsageError

T = TypeVar("T")

#: What holds where no layer says anything.
CACHE: Final = True
RETRIES: Final = 0


class KitaruConfig(BaseModel):
    """Settings of one layer, or of several together; None: not said.

    `stack` is where executions run, `image` what their container is, `cache` whether checkpoints that do not say may
    take results of other executions, `retries` how often a flow's body runs again after it raised, `timeout` how many
    seconds a flow may run, waits not counted; `project` is a label that executions keep.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    stack: str | None = None
    image: ImageSettings | None = None
    cache: bool | None = None
    retries: int | None = None
    timeout: float | None = None
    project: str | None = None


#: The settings by name, as `[tool.kitaru]` and `kitaru.configure` take them.
NAMES: Final = tuple(KitaruConfig.model_fields)


def layer(what: str, given: Mapping[str, UserValue]) -> KitaruConfig:
    """Return the layer that the given values make; None stands for what is not said.

    Raises `KitaruUsageError` naming `what`, such as "@flow", and the field that is wrong.
    """
    unknown = [name for name in given if name not in NAMES]
    if unknown:
        message = f"{what} has no setting {unknown[0]!r}: it takes {', '.join(NAMES)}."
        raise KitaruUsageError(message)
    said = {name: (f"{what}: {name}", value) for name, value in given.items() if value is not None}
    return KitaruConfig(
        stack=text(*said["stack"]) if "stack" in said else None,
        image=images.read(*said["image"]) if "image" in said else None,
        cache=truth(*said["cache"]) if "cache" in said else None,
        retries=retries(*said["retries"]) if "retries" in said else None,
        timeout=seconds(*said["timeout"]) if "timeout" in said else None,
        project=text(*said["project"]) if "project" in said else None,
    )


def resolve(*layers: KitaruConfig) -> KitaruConfig:
    """Return what the layers come to, the first one above all others."""
    image: ImageSettings | None = None
    for one in layers:
        image = images.merge(image, one.image)
    return KitaruConfig(
        stack=_first(one.stack for one in layers),
        image=image,
        cache=_first(one.cache for one in layers),
        retries=_first(one.retries for one in layers),
        timeout=_first(one.timeout for one in layers),
        project=_first(one.project for one in layers),
    )


def text(what: str, value: UserValue) -> str:
    """Return text that is not empty. Raises `KitaruUsageError` naming `what`."""
    if not isinstance(value, str) or not value.strip():
        message = f"{what} is {value!r}: give a name."
        raise KitaruUsageError(message)
    return value.strip()


def truth(what: str, value: UserValue) -> bool:
    """Return True or False. Raises `KitaruUsageError` naming `what`."""
    if not isinstance(value, bool):
        message = f"{what} is {value!r}: give true or false."
        raise KitaruUsageError(message)
    return value


def retries(what: str, value: UserValue) -> int:
    """Return a number of retries. Raises `KitaruUsageError` naming `what`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        message = f"{what} is {value!r}: give a whole number; Flow retries must be >= 0."
        raise KitaruUsageError(message)
    return value


def seconds(what: str, value: UserValue) -> float:
    """Return a time limit in seconds, given so or as a `timedelta`. Raises `KitaruUsageError` naming `what`."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
        message = f"{what} is {value!r}: give seconds, more than 0, or a timedelta."
        raise KitaruUsageError(message)
    return float(value)


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)
