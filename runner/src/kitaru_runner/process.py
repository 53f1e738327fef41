"""One attempt in this process: the frozen spec, the flow that it names, the engine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import JsonValue

from kitaru.core import failures, inputs, spec
from kitaru.core.spec import Spec
from kitaru.engine import attempt, context
from kitaru.engine.context import Frame
from kitaru.engine.lines import Lines
from kitaru.engine.world import Failed, Job, Outcome, World
from kitaru.errors import KitaruBackendError, KitaruUsageError
from kitaru.ports import Clock, Telemetry
from kitaru_runner import entrypoints

#: Seconds that a runner stays for an answer when the wait does not say: none, so that no pod waits.
STAY = 0.0


def frozen(body: bytes | None, digest: str) -> Spec:
    """Return the execution as it was frozen. Raises `KitaruBackendError` when it is gone or was changed."""
    if body is None:
        message = "The execution has no spec.json: restore the object from a backup of the bucket."
        raise KitaruBackendError(message)
    if spec.digest(body) != digest:
        message = f"spec.json was changed: it is {spec.digest(body)} and was frozen as {digest}; restore it."
        raise KitaruBackendError(message)
    return spec.decode(body)


def run(world: World, frozen_: Spec) -> Outcome:
    """Run the attempt to its outcome. What is wrong with the flow's code is the execution's failure."""
    # Where the image keeps the flow, in front of all else, as for a script; from now on, so that nothing of it can
    # stand in for a module of ours.
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        flow = entrypoints.load(frozen_.entrypoint)
        inputs.bind_inputs(flow, frozen_.inputs)
    except KitaruUsageError as error:
        outcome = attempt.fail(world, failures.describe(error))
        if isinstance(outcome, Failed):
            Lines(world.telemetry, world.clock, frozen_.name).failure(f"{frozen_.flow} failed", outcome.failure)
        return outcome
    job = Job(
        exec_id=frozen_.name,
        flow=flow,
        inputs=frozen_.inputs,
        stay=STAY,
        retries=frozen_.retries,
        cache=frozen_.cache,
        timeout=frozen_.timeout,
        replay=frozen_.replay,
    )
    return attempt.run(world, job)


def report(outcome: Outcome) -> str:
    """Return what the pod's log says at the end: the traceback of a failure; "" when there is nothing to say."""
    if not isinstance(outcome, Failed):
        return ""
    failure = outcome.failure
    return failure.traceback or f"{failure.type}: {failure.message}\n"


def listener(telemetry: Telemetry, clock: Clock, source: str) -> Callable[[str], None]:
    """Return what takes the lines of a stream, `stdout` or `stderr`, into the execution's log."""

    def take(line: str) -> None:
        said: Mapping[str, JsonValue] = {
            "at": clock.now().isoformat(),
            "level": "info",
            "source": source,
            "message": line,
        }
        telemetry.emit({**said, **_place()})

    return take


def _place() -> Mapping[str, JsonValue]:
    here = context.current()
    if not isinstance(here, Frame):
        return {}
    return {"call": here.call.id, "checkpoint": here.call.place.name}
