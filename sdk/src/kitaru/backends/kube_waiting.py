"""Waiting for what the operator makes of an object."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Final, TypeVar

from kitaru.backends.kube_api import KubeApi
from kitaru.backends.kube_errors import DeniedError
from kitaru.core.resources.model import Resource
from kitaru.errors import KitaruStateError
from kitaru.ports import Clock

#: Seconds after which a watch is begun anew, and the object looked at without one: a watch may have lost a change.
_WATCH: Final = 10.0
#: Seconds between two looks of somebody who may get an object but not watch it.
_POLL: Final = 1.0

_R = TypeVar("_R", bound=Resource)
_T = TypeVar("_T")


def until(
    api: KubeApi, clock: Clock, resource: _R, accept: Callable[[_R], _T | None], seconds: float
) -> tuple[_T | None, _R]:
    """Return what `accept` makes of the object, None if it makes nothing for that many seconds; and the object.

    Raises what `accept` raises, and `KitaruStateError` when the object is deleted meanwhile.
    """
    end = clock.monotonic() + seconds
    while (accepted := accept(resource)) is None:
        left = end - clock.monotonic()
        if left <= 0:
            break
        resource = _next(api, clock, resource, left)
    return accepted, resource


def changed(api: KubeApi, clock: Clock, resource: Resource, seconds: float) -> None:
    """Return once the object was changed or deleted, or after that many seconds."""
    if seconds < _POLL:  # a watch lasts whole seconds
        clock.sleep(seconds)
        return
    about = resource.metadata
    try:
        with closing(api.changes(type(resource), about.name, about.resource_version, seconds)) as changes:
            next(changes, None)
    except DeniedError:
        clock.sleep(min(seconds, _POLL))


def _next(api: KubeApi, clock: Clock, resource: _R, left: float) -> _R:
    changed(api, clock, resource, min(left, _WATCH))
    found = api.find(type(resource), resource.metadata.name)
    if found is None or found.metadata.uid != resource.metadata.uid:
        message = f"{resource.kind} {resource.metadata.name!r} was deleted before it was decided: try again."
        raise KitaruStateError(message)
    return found
