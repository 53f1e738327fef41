"""What an attempt at a replay knows of the execution that it replays, and one run of its body over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeAlias

from kitaru.core import divergence, replay
from kitaru.core.divergence import Made
from kitaru.core.history import Call, History, Wait
from kitaru.core.matching import Asked, EntryT, Known, Matching, New
from kitaru.core.recordings import Recorded
from kitaru.core.replay import Claims, Diverged, Reuse, Run, Script, Substitute
from kitaru.core.spec import Replay
from kitaru.ports import Artifacts

_REMEDY: Final = (
    "Make the code call them as it did, replay from an earlier call, or start a new execution. A call whose inputs "
    "differ from run to run (a time, a random number) is recognised by an explicit id=."
)


@dataclass(frozen=True, slots=True)
class Decided(Generic[EntryT]):
    """A call or wait that the replay's own log lacks: its id from now on, and what the replay does with it."""

    new: New
    decision: Reuse[EntryT] | Substitute[EntryT] | Run

    @property
    def replays(self) -> str | None:
        """The id of the recorded one that it stands for, None if there is none."""
        return self.decision.replays if isinstance(self.decision, Run) else self.decision.entry.id


FoundCall: TypeAlias = Known[Call] | New | Decided[Call]
FoundWait: TypeAlias = Known[Wait] | New | Decided[Wait]


@dataclass(slots=True, eq=False)
class Replayed:
    """The replayed execution. `unsaved` counts what was copied and rides in the next slot."""

    spec: Replay
    script: Script
    artifacts: Artifacts
    unsaved: int = 0


class Steps:
    """One run of the replay's body: what it made so far. The caller sees to it that one thread at a time is here."""

    def __init__(self, replayed: Replayed, history: History) -> None:
        self._spec = replayed.spec
        self._script = replayed.script
        self._history = history
        self._made: list[Made] = []
        self._claims = Claims(
            replayed.script,
            calls={one.replays: one.inputs for one in history.calls.values() if one.replays is not None},
            waits={one.opened.replays: one.inputs for one in history.waits.values() if one.opened.replays is not None},
        )

    def call(self, matching: Matching[Call], asked: Asked, *, sequential: bool) -> Known[Call] | Decided[Call] | str:
        """Return what the call is, and claim it; a text says how code and recording diverge."""
        self._made.append(Made(asked.place.name, asked.inputs))
        found = matching.find(asked, sequential=sequential)
        if found is not None:
            if found.entry.replays is not None:
                self._claims.remember(found.entry.replays)
            return found
        decision = self._claims.call(asked, sequential=sequential, moved=self._history.moved)
        if isinstance(decision, Diverged):
            return self._divergence(decision)
        return Decided(matching.add(asked, _prefer(decision)), decision)

    def wait(self, matching: Matching[Wait], asked: Asked, *, sequential: bool) -> Known[Wait] | Decided[Wait]:
        """Return what the wait is, and claim it."""
        found = matching.find(asked, sequential=sequential)
        if found is not None:
            return found
        decision = self._claims.wait(asked, sequential=sequential, moved=self._history.moved)
        return Decided(matching.add(asked, _prefer(decision)), decision)

    def missing(self) -> str | None:
        """Return how a body that returned diverges from the recording; None: it does not."""
        missing = self._claims.missing()
        return self._divergence(Diverged(missing=missing)) if missing else None

    def _divergence(self, diverged: Diverged) -> str:
        if diverged.unknown is not None:
            what = f"this code calls {diverged.unknown.place.name}, which was not called so"
        else:
            what = f"this code does not call {diverged.missing[0]}, which was called"
        calls = self._script.recording.calls
        recorded = [*self._script.before()]
        if calls[self._spec.from_] not in recorded:
            recorded.append(calls[self._spec.from_])
        shown = divergence.table([_made(one) for one in recorded], self._made, reached_the_end=diverged.unknown is None)
        return (
            f"The code no longer makes the calls that execution {self._spec.execution} recorded: before "
            f"{self._spec.from_}, {what}.\n\n{shown}\n\n{_REMEDY}"
        )


def _made(one: Recorded[Call]) -> Made:
    return Made(one.entry.place.name, one.entry.inputs)


def _prefer(decision: replay.CallDecision | replay.WaitDecision) -> str | None:
    """Return the id that the recorded one had: a replay's calls are called alike, as far as can be."""
    match decision:
        case Run():
            return decision.prefer
        case Reuse() | Substitute():
            return decision.entry.id
        case Diverged():
            return None
