"""Values that no resource can hold: JSON in the store, known by the SHA-256 of its bytes.

A resource then holds a reference, never a key or a URL: it is resolved in the resource's own namespace alone. What the
sender stores comes before the resource that names it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final

import pydantic
import pydantic_core
from pydantic import JsonValue

from kitaru.core.deferred import DEFERRED
from kitaru.core.resources.model import BLOB_LIMIT, BlobRef
from kitaru.errors import KitaruUsageError

_JSON: Final[pydantic.TypeAdapter[JsonValue]] = pydantic.TypeAdapter(JsonValue, config=DEFERRED)


def encode(what: str, value: JsonValue | Mapping[str, JsonValue]) -> tuple[BlobRef, bytes]:
    """Return the value's reference and the bytes to store.

    Raises `KitaruUsageError`, naming `what`, when it is too large.
    """
    body = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    if len(body) > BLOB_LIMIT:
        message = (
            f"{what}: {len(body)} bytes of JSON, and at most {BLOB_LIMIT} are taken: "
            "keep the data in a store of yours and pass its address."
        )
        raise KitaruUsageError(message)
    return BlobRef(sha256=hashlib.sha256(body).hexdigest(), size=len(body)), body


def decode(ref: BlobRef, body: bytes) -> JsonValue:
    """Return the value. Raises `KitaruUsageError` when the bytes are not those that the reference names."""
    if (len(body), hashlib.sha256(body).hexdigest()) != (ref.size, ref.sha256):
        message = f"the blob {ref.sha256} holds other bytes than its name says: upload it again."
        raise KitaruUsageError(message)
    try:
        return _JSON.validate_python(pydantic_core.from_json(body))
    except (ValueError, pydantic.ValidationError) as error:
        message = f"the blob {ref.sha256} is not JSON: upload the value as JSON in UTF-8."
        raise KitaruUsageError(message) from error
