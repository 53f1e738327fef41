"""What this process was told by `kitaru.configure`. It holds until the process ends, and for all its threads."""

from __future__ import annotations

import threading
from datetime import timedelta
from enum import Enum
from typing import Final, Literal, TypeAlias

from kitaru.core import settings
from kitaru.core.images import ImageInput
from kitaru.core.settings import KitaruConfig
from kitaru.core.tagged import UserValue


class Unset(Enum):
    """Stands for an argument that was not given."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET
_Unset: TypeAlias = Literal[Unset.UNSET]


class _Configured:
    """The layer, behind a lock."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self.config = KitaruConfig()

    def change(self, given: dict[str, UserValue]) -> KitaruConfig:
        with self._guard:
            now = {name: value for name, value in self.config if name not in given}
            self.config = settings.layer("kitaru.configure()", {**now, **given})
            return self.config


_CONFIGURED: Final = _Configured()


def configure(
    *,
    stack: str | _Unset | None = UNSET,
    image: ImageInput | _Unset | None = UNSET,
    cache: bool | _Unset | None = UNSET,
    retries: int | _Unset | None = UNSET,
    timeout: float | timedelta | _Unset | None = UNSET,
    project: str | _Unset | None = UNSET,
) -> KitaruConfig:
    """Set defaults for all flows of this process, above the environment and below `@flow` and `.run()`.

    What is not given stays as it was; None takes back what was set. Returns what is set now.
    Raises `KitaruUsageError` naming the field that is wrong; nothing has changed then.
    """
    given: dict[str, UserValue] = {
        "stack": stack,
        "image": image,
        "cache": cache,
        "retries": retries,
        "timeout": timeout,
        "project": project,
    }
    return _CONFIGURED.change({name: value for name, value in given.items() if value is not UNSET})


def configured() -> KitaruConfig:
    """Return what `kitaru.configure` set."""
    return _CONFIGURED.config
