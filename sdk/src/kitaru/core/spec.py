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
from kitaru.core.journal import Value
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
class Replay:
    """What a replay copies, and what it does otherwise, decided once.

    `execution` is the id of the replayed execution; `slots` is how much of its log counts, since a parked or failed
    one may go on; `from_` is the id of its call from which on calls run again. `outputs` are given outputs by call id,
    large ones in artifacts of this execution, `answers` given answers by wait id, and `changed` the names of the
    flow's inputs that differ from the recorded ones. `by` is who asked for the replay, and so who gave the answers.
    """

    execution: str
    slots: int
    from_: str
    outputs: Mapping[str, Value] = field(default_factory=dict[str, Value])
    answers: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    changed: tuple[str, ...] = ()
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How another process on this computer loads the flow's code as it lies on disk.

    `interpreter` is the path of the Python, `folder` the working folder, `paths` where modules were looked for, in
    order. `module` is imported by its name; `script` is the path of a file that was run as a script. Neither is there
    for code without a file, as in a notebook.
    """

    interpreter: str
    folder: str
    paths: tuple[str, ...]
    module: str | None = None
    script: str | None = None


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
    `bundle` is the code of a version that was deployed locally, absent for code that ran as it lay on disk;
    `replay` makes it a replay of another execution;
    `launch` is how another process on this computer loads the flow's code, and `source` the hash of the flow's source
    that the execution was started with; both are set locally alone.
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
    replay: Replay | None = None
    launch: Launch | None = None
    source: str | None = None
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
