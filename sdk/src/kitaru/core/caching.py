"""The cache across executions: when a call may take the result of one that another execution made.

A call's key is the content of all that its result depends on, as far as anybody can know: the flow's name, the
checkpoint's name and code (`kitaru.core.sources`), its version, its inputs, and which it is among the calls of its
execution that are equal in all of that. So five equal calls of a loop, which ask a model for five drafts, find five
results and not one; they run in the execution that makes them first, and never find each other's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import pydantic

from kitaru.core import hashing, keywords
from kitaru.core.codec import Codec
from kitaru.core.history import Call
from kitaru.errors import KitaruUsageError

#: The format of keys and pointers: what older ones kept is not found under newer keys.
FORMAT: Final = 1

_BEGINNING: Final = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """How a checkpoint takes results of other executions: ``@checkpoint(cache=Cache(version="2", ttl=3600))``.

    Results are kept apart by `version`, free text: change it when the function's results change for a reason that its
    code does not show, such as another model behind the same name. `ttl` is how old a result may be, in seconds or as
    a timedelta; None: of any age. Raises `KitaruUsageError` naming the field that is wrong.
    """

    version: str | None = None
    ttl: float | timedelta | None = None

    def __post_init__(self) -> None:
        keywords.check_type("Cache", "version", self.version, (str,))
        keywords.check_type("Cache", "ttl", self.ttl, (int, float, timedelta))
        if isinstance(self.ttl, float) and math.isnan(self.ttl):
            message = "Cache: ttl=nan is no number of seconds."
            raise KitaruUsageError(message)
        age = self.age
        if age is not None and age <= timedelta():
            message = f"Cache: ttl={self.ttl!r} must be more than 0 seconds; cache=False takes no result at all."
            raise KitaruUsageError(message)

    def since(self, now: datetime) -> datetime | None:
        """Return the time from which on a call must have ended for its result to be taken now; None: at any time."""
        age = self.age
        # What is older than time itself is as good as for ever.
        return None if age is None or age > now - _BEGINNING else now - age

    @property
    def age(self) -> timedelta | None:
        """How old a result may be, None for any age."""
        if self.ttl is None or isinstance(self.ttl, timedelta):
            return self.ttl
        # Longer than a timedelta can be is for ever.
        return None if self.ttl > timedelta.max.total_seconds() else timedelta(seconds=self.ttl)


def chosen(*, option: Cache | bool | None, default: bool) -> Cache | None:
    """Return how a checkpoint takes results of other executions, None when it does not.

    `option` is what the checkpoint was decorated with; `default` what holds for those that do not say.
    """
    if isinstance(option, Cache):
        return option
    on = default if option is None else option
    return Cache() if on else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """Where the outcome of a finished call lies: what is kept under a key.

    `execution` is the execution's id as people know it, `uid` the one that the storage uses, `slot` the slot of its
    log that holds the outcome of `call`, `at` when the call ended. A pointer can be lost, and what it names can be
    gone: then there is nothing in the cache.
    """

    execution: str
    uid: str
    call: str
    slot: int
    at: datetime
    format: int = FORMAT


_POINTER: Final = Codec[Pointer](Pointer)


def encode(pointer: Pointer) -> bytes:
    """Return the pointer as JSON."""
    return _POINTER.encode(pointer)


def decode(body: bytes) -> Pointer | None:
    """Return the pointer, None for one that cannot be read."""
    try:
        pointer = _POINTER.decode(body)
    except pydantic.ValidationError:
        return None
    return pointer if pointer.format == FORMAT else None


def key(flow: str, source: str, version: str | None, call: Call) -> str:
    """Return the key of a call of the flow: the hash of its checkpoint, a slash, and that of its inputs.

    `source` is the hash of the checkpoint's code, as `kitaru.core.sources.with_values` gives it.
    """
    checkpoint = hashing.of_json([FORMAT, flow, call.place.name, source, version])
    which = call.id if call.explicit else call.nth
    return f"{checkpoint}/{hashing.of_json([call.inputs, which])}"
