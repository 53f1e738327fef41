"""From `module:attribute` to the flow that it names."""

from __future__ import annotations

import importlib

from kitaru.core.definitions import FlowDefinition
from kitaru.errors import KitaruUsageError
from kitaru.flows import Flow


def load(entrypoint: str) -> FlowDefinition:
    """Import the module and return the flow. Raises `KitaruUsageError`, which names the entrypoint.

    What the import raises is the user's, whatever it is: a module may end the process, or run out of memory.
    """
    name, _, attribute = entrypoint.partition(":")
    try:
        module = importlib.import_module(name)
    except BaseException as error:
        message = f"entrypoint {entrypoint!r} cannot be imported: {type(error).__name__}: {error}"
        raise KitaruUsageError(message) from error
    found: object = getattr(module, attribute, None)
    if isinstance(found, Flow):
        return found.definition
    if found is None:
        message = f"entrypoint {entrypoint!r}: module {name} has no {attribute!r}; correct the entrypoint."
    else:
        message = f"entrypoint {entrypoint!r} is {type(found).__name__}, not a flow: decorate it with @flow."
    raise KitaruUsageError(message)
