"""What a replay does with each call and wait: which it copies, which it replaces, which run again.

A replay is a new execution of the same flow over what another one recorded. Its frontier is the slot that committed or
failed the call `from_`: what began when that slot was written lies behind the frontier, and `from_` itself. Before it,
outcomes are copied, as long as nothing happened that the recorded execution did not meet: an output or an answer that
was given, another input of the flow, the outcome of a call that ran again. `plan` says so in advance, as far as it can
be known; `Claims` decides for one run of the body. Both are functions of the spec and of the recorded log alone, so a
replay that crashed goes on as the same replay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeAlias

from pydantic import JsonValue

from kitaru.core.history import Call, Place, Wait
from kitaru.core.journal import Value
from kitaru.core.matching import Asked, EntryT, Known, Matching
from kitaru.core.recordings import Recorded, Recording
from kitaru.core.spec import Replay, Spec
from kitaru.core.values import Encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayStart:
    """What a new execution is asked to be that replays another one.

    `source` is that one as it was frozen, `inputs` are the new one's by name, `artifacts` its large given outputs by
    the ids under which `replay` names them.
    """

    source: Spec
    replay: Replay
    inputs: Mapping[str, JsonValue]
    artifacts: Mapping[str, Encoded]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """What is to become of the recorded calls or waits, by id, each set in the order in which they began.

    `reuse` are copied; `substitute` have a given output or answer; `run` run (or are asked) again, if the body makes
    them; `undecided` are copied if the body still makes them with the same inputs.
    The law, in a replay that completes: `reuse` ⊆ what was copied ⊆ `reuse` and `undecided` together.
    """

    reuse: tuple[str, ...]
    substitute: tuple[str, ...]
    run: tuple[str, ...]
    undecided: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reuse(Generic[EntryT]):
    """Copy the recorded outcome. `differs`: the inputs differ from the recorded ones, though nothing changed them."""

    entry: EntryT
    differs: bool


@dataclass(frozen=True, slots=True)
class Substitute(Generic[EntryT]):
    """Take the output or answer that was given for the entry."""

    entry: EntryT


@dataclass(frozen=True, slots=True)
class Run:
    """Run the call, or ask the wait. `replays` is the recorded one that it stands for, `prefer` the id to give it."""

    replays: str | None = None
    prefer: str | None = None


@dataclass(frozen=True, slots=True)
class Diverged:
    """The code does not make the calls that were recorded: it lacks `missing`, or none is `unknown`."""

    missing: tuple[str, ...] = ()
    unknown: Asked | None = None


CallDecision: TypeAlias = Reuse[Call] | Substitute[Call] | Run | Diverged
WaitDecision: TypeAlias = Reuse[Wait] | Substitute[Wait] | Run


class Script:
    """A replay's spec over the recording: what holds for every run of its body."""

    def __init__(self, spec: Replay, recording: Recording) -> None:
        self.spec = spec
        self.recording = recording
        self._from = spec.from_
        self._outputs = spec.outputs
        self._answers = spec.answers
        self._frontier = recording.calls[spec.from_].ended
        self.changed = bool(spec.changed)
        self._doubt = -1 if self.changed else self._earliest_change()
        self.calls = self._sets(recording.calls.values(), spec.outputs)
        self.waits = self._sets(recording.waits.values(), spec.answers)
        #: The calls that the body must make again, in the order in which they began.
        self.due = [recording.calls[one] for one in self.calls.reuse]

    def is_behind(self, one: Recorded[EntryT]) -> bool:
        """Whether it lies behind the frontier. Behind a call that never ended there is nothing but itself."""
        if isinstance(one.entry, Call) and one.id == self._from:
            return True
        return self._frontier is not None and one.follows(self._frontier)

    def output(self, call: str) -> Value | None:
        """Return the output that was given for a recorded call, None if there is none."""
        return self._outputs.get(call)

    def has_answer(self, wait: str) -> bool:
        """Whether an answer was given for a recorded wait."""
        return wait in self._answers

    def answer(self, wait: str) -> JsonValue:
        """Return the answer that was given for a recorded wait."""
        return self._answers[wait]

    def before(self) -> list[Recorded[Call]]:
        """Return the calls before the frontier that the last recorded run made, in the order in which they began."""
        return [one for one in self.recording.calls.values() if one.made and not self.is_behind(one)]

    def _earliest_change(self) -> int | None:
        """Return the first slot whose outcome will be another one although it lies before the frontier."""
        calls = (one for one in self.recording.calls.values() if one.id in self._outputs or self._runs_again(one))
        waits = (one for one in self.recording.waits.values() if one.id in self._answers or self._runs_again(one))
        ends = [one.ended for one in (*calls, *waits) if one.ended is not None]
        return min(ends, default=None)

    def _runs_again(self, one: Recorded[EntryT]) -> bool:
        return self.is_behind(one) or not one.entry.finished

    def _sets(self, entries: Iterable[Recorded[EntryT]], given: Mapping[str, object]) -> Sets:
        found: dict[str, list[str]] = {"reuse": [], "substitute": [], "run": [], "undecided": []}
        for one in entries:
            if one.id in given:
                found["substitute"].append(one.id)
            elif not self._runs_again(one):
                found["reuse" if one.made and not self._is_doubtful(one) else "undecided"].append(one.id)
            elif one.made:
                found["run"].append(one.id)
        return Sets(**{name: tuple(ids) for name, ids in found.items()})

    def _is_doubtful(self, one: Recorded[EntryT]) -> bool:
        return self._doubt is not None and one.follows(self._doubt)


class Claims:
    """One run of a replay's body: which recorded calls and waits it has come to, and what becomes of the next one.

    `calls` and `waits` are the recorded ones for which the replay's own log has entries, by id, each with the inputs of
    that entry.
    """

    def __init__(self, script: Script, calls: Mapping[str, str], waits: Mapping[str, str]) -> None:
        recording = script.recording
        self._script = script
        self._calls: Matching[Call] = Matching(_made_first(recording.calls.values()))
        self._waits: Matching[Wait] = Matching(_made_first(recording.waits.values()))
        #: By name and inputs: what a call at its place with other inputs got. Nobody else may ask for it.
        self._lent: set[tuple[str, str]] = set()
        self._made: set[str] = set()
        self._due = deque(script.due)
        for call, inputs in calls.items():
            self._calls.claim(call)
            self._lend(recording.calls[call].entry, inputs)
        for wait in waits:
            self._waits.claim(wait)

    def remember(self, call: str) -> None:
        """Note that the body made the call that stands for this recorded one."""
        self._made.add(call)

    def call(self, asked: Asked, *, sequential: bool, moved: bool) -> CallDecision:
        """Decide a call that the replay's own log lacks.

        `sequential` as for the matching rules; `moved` says that something in this execution has an outcome of its
        own, so that what the body asks for from now on may differ from what was recorded.
        """
        moved = moved or self._script.changed
        found = self._find(self._calls, asked, sequential=sequential)
        if not moved and (found is None or found.differs) and self._is_lent(asked):
            return Diverged(unknown=asked)
        if found is None:
            known = self._script.recording.complete or sequential
            return Diverged(unknown=asked) if known and not moved else Run(prefer=self._at(self._calls, asked.place))
        return self._known(asked, found, sequential=sequential, moved=moved)

    def _known(self, asked: Asked, found: Known[Call], *, sequential: bool, moved: bool) -> CallDecision:
        one = self._script.recording.calls[found.entry.id]
        if self._script.output(one.id) is not None:
            self._made.add(one.id)
            return Substitute(one.entry)
        if self._script.is_behind(one) or not one.entry.finished or (found.differs and moved):
            skipped = self._skipped(one) if sequential else None
            self._made.add(one.id)
            return Run(one.id, one.id) if skipped is None else Diverged(missing=(skipped,))
        self._made.add(one.id)
        self._lend(one.entry, asked.inputs)
        return Reuse(one.entry, differs=found.differs)

    def wait(self, asked: Asked, *, sequential: bool, moved: bool) -> WaitDecision:
        """Decide a wait that the replay's own log lacks. Nothing but the body's calls tells a divergence."""
        moved = moved or self._script.changed
        found = self._find(self._waits, asked, sequential=sequential)
        if found is None:
            return Run(prefer=self._at(self._waits, asked.place))
        one = self._script.recording.waits[found.entry.id]
        if self._script.has_answer(one.id):
            return Substitute(one.entry)
        if self._script.is_behind(one) or not one.entry.finished or (found.differs and moved):
            return Run(one.id, one.id)
        return Reuse(one.entry, differs=found.differs)

    def missing(self) -> tuple[str, ...]:
        """Return the recorded calls that a body which returned did not make, and had to."""
        return tuple(one for one in self._script.calls.reuse if one not in self._made)

    def _find(self, matching: Matching[EntryT], asked: Asked, *, sequential: bool) -> Known[EntryT] | None:
        """Return what was recorded for it: by the matching rules, else at its place if a value was given for that."""
        if asked.explicit is not None:
            return self._explicit(matching, asked, asked.explicit)
        found = matching.find(asked, sequential=sequential)
        if found is not None or sequential:
            return found
        entry = matching.at(asked.place)
        if entry is None or not self._is_given(entry):
            return None
        matching.claim(entry.id)
        return Known(entry=entry, differs=True)

    def _explicit(self, matching: Matching[EntryT], asked: Asked, wanted: str) -> Known[EntryT] | None:
        entry = matching.get(wanted)
        if entry is None or not entry.explicit:
            return None
        matching.claim(wanted)
        return Known(entry=entry, differs=entry.inputs != asked.inputs)

    def _is_given(self, entry: Call | Wait) -> bool:
        if isinstance(entry, Call):
            return self._script.output(entry.id) is not None
        return self._script.has_answer(entry.id)

    def _lend(self, entry: Call, inputs: str) -> None:
        if inputs != entry.inputs:
            self._lent.add((entry.place.name, entry.inputs))

    def _is_lent(self, asked: Asked) -> bool:
        return (asked.place.name, asked.inputs) in self._lent

    def _at(self, matching: Matching[EntryT], place: Place) -> str | None:
        entry = matching.at(place)
        return None if entry is None else entry.id

    def _skipped(self, one: Recorded[Call]) -> str | None:
        """Return a sure call that a body which is sequential so far made before this one, and now did not."""
        while self._due and self._due[0].id in self._made:
            self._due.popleft()
        return self._due[0].id if self._due and self._due[0].order < one.order else None


def _made_first(entries: Iterable[Recorded[EntryT]]) -> list[EntryT]:
    """Return the entries, those that the last recorded run left at the end: at one place, the other one counts."""
    return [one.entry for one in sorted(entries, key=lambda one: not one.made)]
