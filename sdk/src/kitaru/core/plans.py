"""What a replay would do, as a person and a program read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from kitaru.core.replay import Script

#: Ids on a line, and characters of an input's value.
_IDS: Final = 8
_LONGEST: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlan:
    """What a replay would do with each recorded call and wait, by id, in the order in which they began.

    Calls: `reuse` are copied with their recorded outcomes; `substitute` get the outputs that were given; `run` run
    again, if the code still makes them; `undecided` began after something that the replay changes: they are copied if
    their inputs turn out the same, and run otherwise. In a replay that completes, `reuse` ⊆ what was copied, and that
    holds nothing but `reuse` and `undecided`.
    Waits: `kept` keep their answers, if the code asks the same; `answered` get the answers that were given; `asked`
    are asked again. `exec_id` is the replayed execution, `inputs` are those of the new one, `changed` the names of
    the inputs that differ from the recorded ones.
    """

    exec_id: str
    flow_name: str
    from_: str
    inputs: Mapping[str, JsonValue]
    changed: tuple[str, ...]
    reuse: tuple[str, ...]
    substitute: tuple[str, ...]
    run: tuple[str, ...]
    undecided: tuple[str, ...]
    kept: tuple[str, ...]
    answered: tuple[str, ...]
    asked: tuple[str, ...]

    def __str__(self) -> str:
        """Return the plan as a few lines for a person."""
        return "\n".join([f"Replay of {self.flow_name} {self.exec_id} from {self.from_}", *self._lines()])

    def _lines(self) -> Iterator[str]:
        for name, value in self.inputs.items():
            text = json.dumps(value, ensure_ascii=False)
            text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
            yield f"  input       {name} = {text}{' (changed)' if name in self.changed else ''}"
        sets = {
            "reuse": self.reuse,
            "substitute": self.substitute,
            "run": self.run,
            "undecided": self.undecided,
            "wait kept": self.kept,
            "wait given": self.answered,
            "wait asked": self.asked,
        }
        for name, ids in sets.items():
            for start in range(0, len(ids), _IDS):
                yield f"  {name if start == 0 else '':<10}  {', '.join(ids[start : start + _IDS])}"


def plan(script: Script, flow: str, exec_id: str, inputs: Mapping[str, JsonValue]) -> ReplayPlan:
    """Return the plan of a replay of the execution `exec_id` of this flow."""
    return ReplayPlan(
        exec_id=exec_id,
        flow_name=flow,
        from_=script.spec.from_,
        inputs=inputs,
        changed=script.spec.changed,
        reuse=script.calls.reuse,
        substitute=script.calls.substitute,
        run=script.calls.run,
        undecided=script.calls.undecided,
        kept=_in_order(script, {*script.waits.reuse, *script.waits.undecided}),
        answered=script.waits.substitute,
        asked=script.waits.run,
    )


def _in_order(script: Script, waits: set[str]) -> tuple[str, ...]:
    return tuple(one for one in script.recording.waits if one in waits)
