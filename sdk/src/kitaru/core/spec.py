"""The frozen execution: what was decided once, at the first attempt, and never read from anywhere else again.

`spec.json` only gains fields, each with a default; readers skip what they do not know.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import pydantic
from pydantic import JsonValue

from kitaru.core.codec import Codec
from kitaru.errors import JournalFormatError

FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Where a deployed version's code lies on this computer, and how it is loaded.

    `sha256` names the bundle, in hex; `file` is the flow's file and `paths` the folders that modules are looked for in
    before all others, both relative to the unpacked bundle ("." is the bundle's own folder); `interpreter` is the path
    of the Python that deployed it.
    """

    sha256: str
    file: str
    paths: tuple[str, ...]
    interpreter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One execution as it was frozen.

    `entrypoint` is `module:attribute`; `inputs` are the flow's arguments by name, defaults merged in; `namespace`
    and `name` are the resource's (locally "local" and the execution's id), so that a copied file cannot be taken for
    another execution's; `uid` is the id that the storage uses; `version` and `image` are of the deployment, absent
    locally; `retries` is how often the flow's body may be run again after it raised (None: as decorated);
    `cache` is whether checkpoints that do not say may take results of other executions, `timeout` how many seconds
    the flow may run (None of either: as decorated); `settings` is what a person is shown of all that was chosen, with
    secrets masked, absent where nobody chose;
    `runner` is how the pods of its attempts look, as in the flow's resource, absent locally;
    `file` is the path of the flow's source, by which a script's flow is known, and set locally alone;
    `bundle` is the code of a version that was deployed locally, absent for code that ran as it lay on disk.
    """

    namespace: str
    name: str
    uid: str
    flow: str
    entrypoint: str
    created_at: datetime
    inputs: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    version: int | None = None
    image: str | None = None
    retries: int | None = None
    cache: bool | None = None
    timeout: float | None = None
    settings: Mapping[str, JsonValue] | None = None
    runner: Mapping[str, JsonValue] | None = None
    file: str | None = None
    bundle: Bundle | None = None
    format: int = FORMAT


_SPEC: Final = Codec[Spec](Spec)


def encode(spec: Spec) -> bytes:
    """Return the spec as JSON; the same spec always gives the same bytes, so that its digest can be compared."""
    return _SPEC.encode(spec)


def decode(body: bytes) -> Spec:
    """Return the spec that `body` holds. Raises `JournalFormatError` when a newer Kitaru froze it."""
    try:
        spec = _SPEC.decode(body)
    except pydantic.ValidationError as error:
        message = "The execution's spec.json is damaged: restore the object from a backup of the bucket."
        raise JournalFormatError(message) from error
    if spec.format > FORMAT:
        message = (
            f"The execution was frozen in format {spec.format}, and this Kitaru reads formats up to {FORMAT}: "
            "use a version at least as new as the one that froze it."
        )
        raise JournalFormatError(message)
    return spec


def digest(body: bytes) -> str:
    """Return the digest by which a changed spec.json is noticed: `sha256:` and 64 hex digits."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
