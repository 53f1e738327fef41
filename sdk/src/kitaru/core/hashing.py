"""Content hashes: equal inputs of a call have equal hashes, in every process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cloudpickle
from pydantic import JsonValue

from kitaru.core import classes, tagged, unkept, values
from kitaru.core.capture import Capture
from kitaru.core.tagged import TAG, Opaque, UserValue
from kitaru.errors import KitaruSerializationError

_LENGTH: Final = 32
_JSON: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def of_json(data: JsonValue) -> str:
    """Return the hash of plain JSON: 32 hex digits, whatever the order of keys."""
    return hashlib.sha256(_JSON.encode(data).encode()).hexdigest()[:_LENGTH]


@dataclass(frozen=True, slots=True)
class Hashed:
    """The hash of a call's arguments. `plain` says that it covers all their content.

    Of what had to be pickled it does not: a function or a class is pickled by its name alone.
    """

    digest: str
    plain: bool


def of_arguments(call: str, arguments: Mapping[str, UserValue]) -> str:
    """Return the hash of a call's arguments, by parameter name. Raises as `read_arguments`."""
    return read_arguments(call, arguments).digest


def read_arguments(call: str, arguments: Mapping[str, UserValue]) -> Hashed:
    """Return the hash of a call's arguments, by parameter name.

    Raises `KitaruSerializationError` naming the call, the parameter and the path inside its value.
    """
    pickled: list[type] = []

    def opaque(part: UserValue) -> JsonValue:
        pickled.append(classes.of(part))
        return _opaque(part)

    digest = of_json({name: _canonical(call, name, one, opaque) for name, one in arguments.items()})
    return Hashed(digest, plain=not pickled)


def _canonical(call: str, name: str, value: UserValue, opaque: Opaque) -> JsonValue:
    try:
        return tagged.Encoder(opaque, canonical=True).encode(value)
    except KitaruSerializationError as error:
        message = unkept.sentence(f"{call} → {name}", value)
        raise KitaruSerializationError(message) from error


def _opaque(part: UserValue) -> JsonValue:
    # What is pickled twice no longer depends on which equal strings were one object.
    stable = b""
    body = values.pickle(part, "argument")
    with Capture(Exception) as caught:
        stable = values.pickle(cloudpickle.loads(body), "argument")
    if caught.error is not None:
        message = f"it does not come back when it is unpickled: {caught.error}"
        raise KitaruSerializationError(message) from caught.error
    digest = hashlib.sha256(stable).hexdigest()
    return {TAG: classes.title_of(classes.of(part)), "pickle": digest}
