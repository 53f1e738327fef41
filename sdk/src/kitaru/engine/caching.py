"""How a call takes the result of one that another execution of the flow finished.

Only a call that this execution has not begun before asks: what has begun goes on, so that an attempt after a crash
never does less than the one before it. A result that is taken is committed as the call's own, values in artifacts
copied, so the execution it comes from can be deleted. Whatever is wrong with what was found, the function runs.
"""

from __future__ import annotations

import hashlib
import platform
from dataclasses import replace

from kitaru.core import caching, sources, values
from kitaru.core.caching import Cache
from kitaru.core.journal import Returned, Reused, Value
from kitaru.core.tagged import UserValue
from kitaru.core.values import Encoded
from kitaru.engine.run import Attempt
from kitaru.engine.work import Conclusion, Ended, Upload, Work
from kitaru.errors import KitaruError, KitaruSerializationError
from kitaru.ports import Cached


def asks(doing: Work) -> bool:
    """Whether `recall` would ask the cache, which can take a while."""
    return doing.is_new and doing.attempt.world.cache is not None and _setting(doing) is not None


def recall(doing: Work) -> Conclusion | None:
    """Return how the call ends, when another execution's result is taken; None: its function has to run."""
    attempt, call, setting = doing.attempt, doing.call, _setting(doing)
    cache = attempt.world.cache
    if cache is None or setting is None or not doing.is_new:
        return None
    source = sources.with_values(doing.definition.function)
    if source is None:
        return None
    key = caching.key(attempt.job.flow.name, source, setting.version, call)
    found = cache.find(key, setting.since(attempt.now()))
    taken = None if found is None else _taken(doing, found)
    if taken is None:
        attempt.offers.expect(call.id, key)
    return taken


def _setting(doing: Work) -> Cache | None:
    return caching.chosen(option=doing.definition.cache, default=doing.attempt.job.takes_cached)


def _taken(doing: Work, found: Cached) -> Conclusion | None:
    """Return the call's end; None when something of what was found is gone or cannot be read here."""
    attempt, call, outcome = doing.attempt, doing.call, found.outcome
    copies = _Copies(attempt, found)
    try:
        value, result = copies.read(outcome.value)
        saved = tuple(replace(one, value=copies.copy(one.value)) for one in outcome.saved)
    except KitaruError:
        return None
    record = Returned(
        call=call.id,
        value=value,
        at=attempt.now(),
        saved=saved,
        logged=outcome.logged,
        reused=Reused(how="cache", execution=found.execution, call=outcome.call),
    )
    attempt.lines.call("cached", f"{call.id} has the result of {outcome.call} of execution {found.execution}", call)
    return Conclusion(uploads=copies.uploads, record=record, ended=Ended(result))


class _Copies:
    """The values of a found call as this execution's own."""

    def __init__(self, attempt: Attempt, found: Cached) -> None:
        self.uploads: list[Upload] = []
        self._attempt = attempt
        self._found = found

    def copy(self, value: Value) -> Value:
        """Return the value with an artifact of this execution, if it has one."""
        return value if value.artifact is None else self._upload(value, self._fetch(value, value.artifact))

    def read(self, value: Value) -> tuple[Value, UserValue]:
        """Return the value likewise, and what the body gets for it."""
        if value.python not in {None, platform.python_version()}:
            message = f"It was pickled by Python {value.python}."
            raise KitaruSerializationError(message)
        body = None if value.artifact is None else self._fetch(value, value.artifact)
        result = values.decode(value, body, allow_pickle=True)
        return value if body is None else self._upload(value, body), result

    def _fetch(self, value: Value, artifact: str) -> bytes:
        body = self._found.artifacts.get(artifact)
        if hashlib.sha256(body).hexdigest() != value.sha256:
            message = f"The artifact {artifact} of execution {self._found.execution} is damaged."
            raise KitaruSerializationError(message)
        return body

    def _upload(self, value: Value, body: bytes) -> Value:
        made = self._attempt.world.ids.new()
        encoded = Encoded(codec=value.codec, type=value.type, body=body, data=None)
        self.uploads.append(Upload(artifact=made, encoded=encoded))
        return replace(value, artifact=made)
