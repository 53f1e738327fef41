"""What user code keeps beside its results: artifacts and metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pydantic import JsonValue

from kitaru.core import history, questions, values
from kitaru.core.history import History
from kitaru.core.journal import Logged, Returned, Saved, Value
from kitaru.core.tagged import UserValue
from kitaru.engine import context
from kitaru.engine.context import Frame, Scope
from kitaru.errors import KitaruContextError, KitaruRuntimeError
from kitaru.ports import Artifacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An artifact as user code names it."""

    name: str
    kind: str
    tags: Sequence[str] = ()


def save(kept: Kept, value: UserValue) -> None:
    """Keep the value with the running call, committed with its outcome; the last of a name wins."""
    frame = context.frame("kitaru.save() can only be called inside a @checkpoint.")
    attempt = frame.run.attempt
    attempt.check()
    what = f"{frame.call.id} → save({kept.name!r})"
    questions.check_text(f"{what}: the artifact's name", kept.name)
    questions.check_text(f"{what}: type", kept.kind)
    for tag in kept.tags:
        questions.check_text(f"{what}: each of tags", tag)
    encoded = values.encode(value, what)
    artifact = None if encoded.is_inline else attempt.world.ids.new()
    saved = Saved(name=kept.name, kind=kept.kind, value=encoded.keep(artifact), tags=tuple(kept.tags))
    others = [one for one in frame.saved if one[0].name != kept.name]
    frame.saved = [*others, (saved, encoded)]


def load(exec_id: str, name: str) -> UserValue:
    """Return what an execution saved under this name, or what its call of this name returned.

    Raises `KitaruRuntimeError` when there is none, or more than one.
    """
    frame = context.frame("kitaru.load() can only be called inside a @checkpoint.")
    attempt = frame.run.attempt
    attempt.check()
    if exec_id == attempt.job.exec_id and not attempt.world.borrowed:
        return _only(attempt.history, attempt.world.artifacts, exec_id, name)
    try:
        slots, artifacts = attempt.reach(partial(attempt.world.histories.open, exec_id))
    except LookupError as error:
        message = f"There is no execution {exec_id} on this stack."
        raise KitaruRuntimeError(message) from error
    records = (record for slot in slots for record in slot.records)
    return _only(History(records), artifacts, exec_id, name)


def log(metadata: Mapping[str, JsonValue]) -> None:
    """Add metadata to the running call, or in a flow's body to the execution."""
    checked = questions.check_metadata("log()", metadata)
    found = context.current()
    match found:
        case Frame():
            found.check()
            found.logged = history.merged(found.logged, checked)
        case Scope():
            scope = context.scope(_LOG, _LOG)
            _log(scope, checked)
        case None:
            raise KitaruContextError(context.lost(_LOG))


_LOG = "kitaru.log() can only be called inside a @flow."


def _log(scope: Scope, metadata: Mapping[str, JsonValue]) -> None:
    attempt = scope.run.attempt
    known = attempt.metadata
    attempt.metadata = history.merged(known, metadata)
    if attempt.metadata != known:
        # A body that runs again says the same again, which is on record already.
        attempt.commits.add(Logged(metadata=dict(metadata), at=attempt.now()))


def _only(found: History, artifacts: Artifacts, exec_id: str, name: str) -> UserValue:
    candidates = list(_candidates(found, name))
    if len(candidates) != 1:
        what = "nothing" if not candidates else f"{len(candidates)} values"
        message = (
            f"Execution {exec_id} has {what} called {name!r}: give the id of one call, such as "
            f"{name}_2, or a name that was saved once."
        )
        raise KitaruRuntimeError(message)
    return values.load(candidates[0], artifacts.get, allow_pickle=True)


def _candidates(found: History, name: str) -> Iterator[Value]:
    for call in found.calls.values():
        if call.outcome is None:
            continue
        yield from (one.value for one in call.outcome.saved if one.name == name)
        if (isinstance(call.outcome, Returned) and name == call.place.name) or (
            isinstance(call.outcome, Returned) and name == call.id
        ):
            yield call.outcome.value
