"""Names and ids: what they may look like and how new ones follow from old ones."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from kitaru.errors import KitaruUsageError

#: Names of flows, checkpoints, waits and explicit call ids.
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
NAME_LENGTH: Final = 128
#: The longest name of a Kubernetes object whose name becomes a label value.
RESOURCE_LENGTH: Final = 63
_RESOURCE: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
#: A pod is `<execution, cut>-<hash>-<attempt>`: the cut keeps it under 63 characters, the hash keeps it unique.
_POD_PREFIX: Final = 40


def check_name(what: str, name: str) -> str:
    """Return `name`, or raise `KitaruUsageError` naming `what` ("checkpoint", "wait", "call id") and the rule."""
    if len(name) > NAME_LENGTH or NAME.fullmatch(name) is None:
        message = (
            f"{what} name {name!r} is not allowed: use a letter or underscore, then letters, digits, "
            f"'_', '.' or '-', at most {NAME_LENGTH} characters."
        )
        raise KitaruUsageError(message)
    return name


def numbered(name: str, number: int) -> str:
    """Return the id of the `number`-th of a name, counted from 1: `name`, `name_2` and so on."""
    return name if number == 1 else f"{name}_{number}"


def resource_name(flow: str) -> str:
    """Return a flow's name as a Kubernetes object's name: `research_agent` is `research-agent`.

    Raises `KitaruUsageError` when no such name follows from it (upper case, dots, over 63 characters).
    """
    name = flow.replace("_", "-")
    if len(name) > RESOURCE_LENGTH or _RESOURCE.fullmatch(name) is None:
        message = (
            f"flow name {flow!r} cannot name a Kubernetes resource: use lower-case letters, digits and "
            f"underscores, at most {RESOURCE_LENGTH} characters, starting and ending with a letter or digit."
        )
        raise KitaruUsageError(message)
    return name


def pod_name(execution: str, uid: str, attempt: int) -> str:
    """Return the name of an attempt's pod. It holds the number, so a second create of it is refused by name."""
    digest = hashlib.sha256(uid.encode()).hexdigest()[:8]
    return f"{execution[:_POD_PREFIX].rstrip('-.')}-{digest}-{attempt}"
