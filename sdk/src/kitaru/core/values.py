"""How user values are kept: tagged JSON for what it carries exactly, cloudpickle for the rest.

Whatever a value looks like on its way back is what user code gets the first time too, so that a
first run and a replay cannot differ.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import pickle as pickling
import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import cloudpickle
from pydantic import JsonValue

from kitaru.core import classes, tagged, unkept, untagged
from kitaru.core.capture import Capture
from kitaru.core.journal import Value
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruSerializationError

#: The most bytes of a value that the log takes in itself; larger ones become artifacts.
INLINE: Final = 64 * 1024
#: Readable by every Python that Kitaru runs on.
_PROTOCOL: Final = 5
#: The class is there, and only the stubs of cloudpickle leave it out.
_PICKLER: Final[Callable[..., pickling.Pickler]] = vars(cloudpickle)["Pickler"]
_ENCODER: Final = tagged.Encoder()
_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A value as bytes. `data` is what stands in the log when it is small enough to be inline."""

    codec: Literal["json", "pickle"]
    type: str
    body: bytes
    data: JsonValue

    @property
    def is_inline(self) -> bool:
        """Whether the log takes it in itself."""
        return len(self.body) <= INLINE

    def keep(self, artifact: str | None = None) -> Value:
        """Return the journal's value: with the artifact's id when it does not lie inline."""
        return Value(
            codec=self.codec,
            type=self.type,
            size=len(self.body),
            sha256=hashlib.sha256(self.body).hexdigest(),
            data=self.data if artifact is None else None,
            artifact=artifact,
            python=platform.python_version() if self.codec == "pickle" else None,
        )


def encode(value: UserValue, what: str) -> Encoded:
    """Return the value encoded. `what` names it in an error, as in ``research → result``.

    Raises `KitaruSerializationError`, which names `what` and the path inside the value.
    """
    kind = classes.title_of(classes.of(value))
    try:
        data = _ENCODER.encode(value)
    except tagged.NotPlainError:
        return pickled(kind, pickle(value, what))
    return Encoded(codec="json", type=kind, body=_dump(data), data=data)


def pickled(kind: str, body: bytes) -> Encoded:
    """Return what was pickled before, of a type that is called `kind`, as an encoded value."""
    return Encoded(codec="pickle", type=kind, body=body, data=base64.b64encode(body).decode())


def decode(value: Value, body: bytes | None = None, *, allow_pickle: bool) -> UserValue:
    """Return what user code gets. `body` is the artifact's content, when there is an artifact.

    Raises `KitaruSerializationError` when it cannot be read, or is pickled and that is not allowed.
    """
    if value.codec == "json":
        return untagged.decode(value.data if body is None else json.loads(body))
    if not allow_pickle:
        message = (
            f"A value of type {value.type} is pickled, and unpickling runs code that whoever made "
            "it chose: pass allow_pickle=True if you trust the execution."
        )
        raise KitaruSerializationError(message)
    return unpickle(_raw(value) if body is None else body, value)


def load(value: Value, fetch: Callable[[str], bytes], *, allow_pickle: bool) -> UserValue:
    """Return what user code gets, fetching the artifact by its id when there is one."""
    body = None if value.artifact is None else fetch(value.artifact)
    return decode(value, body, allow_pickle=allow_pickle)


def inline(data: JsonValue) -> Value:
    """Return plain JSON as a value of the log, however large."""
    return Encoded(codec="json", type=type(data).__name__, body=_dump(data), data=data).keep()


def pickle(value: UserValue, what: str) -> bytes:
    """Return the value pickled. Raises `KitaruSerializationError` naming the part that cannot be."""
    body = b""
    with Capture(Exception) as caught:
        body = _pickled(value)
    if caught.error is not None:
        raise KitaruSerializationError(unkept.sentence(what, value)) from caught.error
    return body


def unpickle(body: bytes, value: Value) -> UserValue:
    """Return what was pickled. `value` says what it was, for the error."""
    made: UserValue = None
    with Capture(Exception) as caught:
        made = cloudpickle.loads(body)
    if caught.error is not None:
        message = (
            f"A value of type {value.type}, pickled by Python {value.python}, cannot be read by "
            f"Python {platform.python_version()} here: {caught.error}. Use the Python and the "
            "packages that it was made with."
        )
        raise KitaruSerializationError(message) from caught.error
    return made


def _pickled(value: UserValue) -> bytes:
    """Pickle as cloudpickle does, but a script's classes by name: a copy of one would be another class."""
    file = io.BytesIO()
    pickler = _PICKLER(file, protocol=_PROTOCOL)
    usual = pickler.reducer_override

    def reduced(obj: UserValue) -> UserValue:
        if isinstance(obj, type) and classes.is_of_script(obj):
            return classes.named, (classes.name_of(obj),)
        return usual(obj)

    pickler.reducer_override = reduced
    pickler.dump(value)
    return file.getvalue()


def _raw(value: Value) -> bytes:
    if not isinstance(value.data, str):
        raise KitaruSerializationError(_damaged(value))
    try:
        return base64.b64decode(value.data, validate=True)
    except binascii.Error as error:
        raise KitaruSerializationError(_damaged(value)) from error


def _damaged(value: Value) -> str:
    return f"A value of type {value.type} is damaged: restore the log from a backup of the bucket."


def _dump(data: JsonValue) -> bytes:
    return _JSON.encode(data).encode()
