"""`kitaru.log`: metadata of a call or of the whole execution."""

from __future__ import annotations

from pydantic import JsonValue, TypeAdapter
from pydantic_core import to_jsonable_python

from kitaru.core.deferred import DEFERRED
from kitaru.core.tagged import UserValue
from kitaru.engine import keeping
from kitaru.errors import KitaruUsageError

__all__ = ["log"]

_JSON: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue], config=DEFERRED)


def log(**metadata: UserValue) -> None:
    """Add metadata: to the running call in a checkpoint, to the execution in a flow's body.

    A key that is logged again gets the last value; two mappings are merged one level deep.
    Raises `KitaruUsageError` for a value that is not JSON, `KitaruContextError` outside of a flow.
    """
    keeping.log(_json(metadata))


def _json(metadata: dict[str, UserValue]) -> dict[str, JsonValue]:
    try:
        return _JSON.validate_python(to_jsonable_python(metadata))
    except ValueError as error:
        message = f"log({', '.join(metadata)}): metadata must be JSON: {error}"
        raise KitaruUsageError(message) from error
