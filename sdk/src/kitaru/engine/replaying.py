"""How a replay takes outcomes over: copied from the replayed execution, or given by whoever asked for it.

A copy rides in the next slot and is never waited for: an attempt that dies before makes it again, from the same spec
and the same log. Values that lie in artifacts are copied too, so that the replayed execution can be deleted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar, assert_never

from kitaru.core import history, recordings
from kitaru.core.definitions import CheckpointDefinition
from kitaru.core.history import Call, Wait
from kitaru.core.journal import Answered, Expired, Failure, Raised, Returned, Reused, Saved, Value, WaitOpened
from kitaru.core.replay import Reuse, Run, Script, Substitute
from kitaru.engine import beginnings
from kitaru.engine.replayed import Decided, Replayed
from kitaru.engine.run import Attempt
from kitaru.errors import KitaruRuntimeError

OutcomeT = TypeVar("OutcomeT", Returned, Raised)

#: Copies that ride in one slot: so many small ones, or fewer when they are large.
_UNSAVED: Final = 64
_LARGE: Final = 16 * 1024


def load(attempt: Attempt) -> None:
    """Read the execution that this one replays, if it replays one. Raises `KitaruRuntimeError` when it is gone."""
    spec = attempt.job.replay
    if spec is None:
        return
    try:
        slots, artifacts = attempt.reach(partial(attempt.world.histories.open, spec.execution))
    except LookupError as error:
        message = f"The execution {spec.execution}, which this one replays, is gone: start a new execution."
        raise KitaruRuntimeError(message) from error
    recording = recordings.read(slots[: spec.slots])
    if spec.from_ not in recording.calls:
        message = f"The execution {spec.execution} has no call {spec.from_} to replay from: replay it anew."
        raise KitaruRuntimeError(message)
    attempt.replay = Replayed(spec, Script(spec, recording), artifacts)


def settle(
    attempt: Attempt, definition: CheckpointDefinition, call: Call, found: Decided[Call]
) -> Returned | Raised | None:
    """Take the call's outcome over, and return it; None: the call runs."""
    source = attempt.replay
    if source is None or isinstance(found.decision, Run):
        return None
    decision = found.decision
    outcome = _given(attempt, source, call, decision) if isinstance(decision, Substitute) else None
    if isinstance(decision, Reuse) and decision.entry.outcome is not None:
        if decision.differs:
            message = f"{call.id} is copied though its inputs differ from the recorded ones"
            attempt.lines.call("differs", message, call)
        outcome = _copied(attempt, source, call, decision.entry.outcome)
    if outcome is not None:
        _keep(attempt, source, definition, call, outcome)
    return outcome


def decided(attempt: Attempt, opened: WaitOpened, found: Decided[Wait]) -> Answered | Expired | None:
    """Return what decides the wait without anybody being asked, to be committed with it; None: it is asked.

    `opened` has the wait's id.
    """
    source = attempt.replay
    if source is None:
        return None
    match found.decision:
        case Run():
            return None
        case Substitute(entry):
            return Answered(
                wait=opened.wait,
                request=attempt.world.ids.new(),
                value=source.script.answer(entry.id),
                at=attempt.now(),
                answered_by=source.spec.by,
                reused=Reused(how="override", execution=source.spec.execution, call=entry.id),
            )
        case Reuse(entry):
            # Who answered stays as it was. The time is now: running time is counted from record to record.
            origin = Reused(how="replay", execution=source.spec.execution, call=entry.id)
            if entry.decision is None:
                return None
            first = entry.decision.reused or origin
            return dataclasses.replace(
                entry.decision, wait=opened.wait, at=opened.at, reused=dataclasses.replace(first, how="replay")
            )
        case _:
            assert_never(found.decision)


def flush(attempt: Attempt) -> None:
    """Return when what was copied is durable. A call that runs may look for it in the journal."""
    source = attempt.replay
    if source is not None and source.unsaved:
        source.unsaved = 0
        attempt.commit()


def _keep(
    attempt: Attempt, source: Replayed, definition: CheckpointDefinition, call: Call, outcome: Returned | Raised
) -> None:
    begun = beginnings.of_call(attempt, definition, call)
    large = isinstance(outcome, Returned) and outcome.value.artifact is None and outcome.value.size > _LARGE
    source.unsaved += _UNSAVED // 4 if large else 1
    if history.is_copied(outcome) and isinstance(outcome, Returned) and source.unsaved < _UNSAVED:
        attempt.commits.add(begun, outcome)
        return
    # A failure must be in the history when it fails the body; what was given changes all decisions after it.
    source.unsaved = 0
    attempt.commit(begun, outcome)


def _given(attempt: Attempt, source: Replayed, call: Call, decision: Substitute[Call]) -> Returned | None:
    value = source.script.output(decision.entry.id)
    if value is None:
        return None
    attempt.lines.call("substituted", f"{call.id} has the output that the replay was given", call)
    reused = Reused(how="override", execution=source.spec.execution, call=decision.entry.id)
    return Returned(call=call.id, value=value, at=attempt.now(), reused=reused)


def _copied(attempt: Attempt, source: Replayed, call: Call, outcome: Returned | Raised) -> Returned | Raised:
    first = outcome.reused or Reused(how="replay", execution=source.spec.execution, call=outcome.call)
    reused = dataclasses.replace(first, how="replay")
    saved = tuple(_saved(attempt, source, one) for one in outcome.saved)
    now = attempt.now()
    if isinstance(outcome, Returned):
        value = _value(attempt, source, outcome.value)
        return dataclasses.replace(outcome, call=call.id, value=value, saved=saved, at=now, reused=reused)
    failure = _renamed(outcome.failure, outcome.call, call.id)
    return dataclasses.replace(outcome, call=call.id, failure=failure, saved=saved, at=now, reused=reused)


def _renamed(failure: Failure, old: str, new: str) -> Failure:
    return dataclasses.replace(failure, call=new) if failure.call == old != new else failure


def _saved(attempt: Attempt, source: Replayed, saved: Saved) -> Saved:
    return dataclasses.replace(saved, value=_value(attempt, source, saved.value))


def _value(attempt: Attempt, source: Replayed, value: Value) -> Value:
    """Return the value as this execution's own: its artifact under the same id, so that a second copy is the first."""
    if value.artifact is None:
        return value
    body = attempt.reach(partial(source.artifacts.get, value.artifact))
    metadata = {"codec": value.codec, "type": value.type}
    if value.python is not None:
        metadata["python"] = value.python
    put: Callable[[], None] = partial(attempt.world.artifacts.put, value.artifact, body, metadata)
    attempt.reach(put)
    return value
