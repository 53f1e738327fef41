"""Replaying an execution: what is asked for is checked against its log, then planned, or started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pydantic_core
from pydantic import JsonValue, TypeAdapter, ValidationError

from kitaru import connect
from kitaru.connect import Stack
from kitaru.core import hashing, inputs, listing, overrides, phases, plans, recordings, snapshots, values
from kitaru.core import head as heads
from kitaru.core.deferred import DEFERRED
from kitaru.core.definitions import FlowDefinition
from kitaru.core.head import Head
from kitaru.core.overrides import Chosen
from kitaru.core.phases import Status
from kitaru.core.plans import ReplayPlan
from kitaru.core.recordings import Recording
from kitaru.core.replay import ReplayStart, Script
from kitaru.core.spec import Replay, Spec
from kitaru.core.tagged import UserValue
from kitaru.errors import (
    KitaruStateError,
    KitaruUsageError,
    KitaruWaitValidationError,
)

_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue, config=DEFERRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRequest:
    """What a replay is asked to be. `inputs` are flow inputs in place of the recorded ones."""

    from_: str
    inputs: Mapping[str, UserValue]
    overrides: Mapping[str, UserValue] | None = None
    checkpoint_overrides: Mapping[str, UserValue] | None = None
    wait_overrides: Mapping[str, UserValue] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A replay that can be started, and its plan."""

    start: ReplayStart
    plan: ReplayPlan


def prepare(stack: Stack, exec_id: str, request: ReplayRequest, flow: FlowDefinition | None = None) -> Prepared:
    """Return the replay of an execution; nothing is written or started.

    `flow` is what will run, if this process has it: its signature judges the inputs. Raises `LookupError` for an
    unknown execution, `KitaruStateError` for one that is running, and for selectors that mean nothing or several;
    `KitaruUsageError` for wrong overrides and inputs, `KitaruWaitValidationError` for answers that do not fit.
    """
    asked = overrides.collect(request.overrides, request.checkpoint_overrides, request.wait_overrides)
    located = stack.executions.locate(exec_id)
    slots = connect.read_slots(stack, located)
    source = connect.read_spec(stack, located)
    status = phases.status_of(snapshots.phase(located.phase, heads.fold(Head(), slots)))
    if status is Status.RUNNING or source is None:
        message = f"Execution {located.exec_id} is {status}: it can be replayed once it waits or is finished."
        raise KitaruStateError(message)
    if flow is not None and listing.plain(flow.name) != listing.plain(source.flow):
        message = f"Execution {located.exec_id} is one of the flow {source.flow!r}, and not of {flow.name!r}."
        raise KitaruUsageError(message)
    recording = recordings.read(slots)
    chosen = overrides.choose(recording, request.from_, asked)
    new = _inputs(source, request.inputs, flow)
    outputs = {call: values.encode(output, f"{call} → override") for call, output in chosen.calls.items()}
    # The id of an artifact is the new execution's own; a call's id is in no danger of meeting a random one.
    large = {call: f"override-{call}" for call, one in outputs.items() if not one.is_inline}
    replay = Replay(
        execution=located.exec_id,
        slots=len(slots),
        from_=chosen.from_,
        outputs={call: one.keep(large.get(call)) for call, one in outputs.items()},
        answers=_answers(recording, chosen),
        changed=tuple(name for name in request.inputs if _differs(name, source.inputs, new)),
    )
    start = ReplayStart(
        source=source, replay=replay, inputs=new, artifacts={large[call]: outputs[call] for call in large}
    )
    return Prepared(start=start, plan=plans.plan(Script(replay, recording), source.flow, located.exec_id, new))


def _inputs(source: Spec, given: Mapping[str, UserValue], flow: FlowDefinition | None) -> dict[str, JsonValue]:
    if flow is not None:
        return inputs.replay_inputs(flow, source.inputs, given)
    unknown = sorted(given.keys() - source.inputs.keys())
    if unknown:
        known = ", ".join(source.inputs) or "none"
        message = f"The flow {source.flow!r} has no input {unknown[0]!r} (it has: {known})."
        raise KitaruUsageError(message)
    return {**source.inputs, **{name: _json(name, value) for name, value in given.items()}}


def _differs(name: str, old: Mapping[str, JsonValue], new: Mapping[str, JsonValue]) -> bool:
    return name not in old or hashing.of_json(old[name]) != hashing.of_json(new[name])


def _answers(recording: Recording, chosen: Chosen) -> dict[str, JsonValue]:
    answers = {wait: _json(f"wait {wait}", value) for wait, value in chosen.waits.items()}
    for wait, answer in answers.items():
        misfit = connect.misfit(recording.waits[wait].entry.opened.schema, answer)
        if misfit is not None:
            message = f"The answer to {wait!r} does not fit: {misfit}"
            raise KitaruWaitValidationError(message)
    return answers


def _json(what: str, value: UserValue) -> JsonValue:
    try:
        return _JSON.validate_python(pydantic_core.to_jsonable_python(value))
    except (pydantic_core.PydanticSerializationError, ValidationError) as error:
        message = f"{what} cannot be written as JSON ({type(value).__name__}): give plain JSON values."
        raise KitaruUsageError(message) from error
