"""How a call's beginning is put on record."""

from __future__ import annotations

from kitaru.core.definitions import CheckpointDefinition
from kitaru.core.history import Call
from kitaru.core.journal import Begun
from kitaru.engine.run import Attempt


def of_call(attempt: Attempt, definition: CheckpointDefinition, call: Call) -> Begun:
    """Return the record. Its head is the first slot that is not yet written."""
    return Begun(
        call=call.id,
        name=call.place.name,
        scope=call.place.scope,
        occurrence=call.place.occurrence,
        inputs=call.inputs,
        head=attempt.commits.next,
        at=attempt.now(),
        type=definition.type,
        explicit=call.explicit,
        nth=call.nth,
        replays=call.replays,
    )
