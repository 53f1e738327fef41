"""Doing an errand: the function runs as it would in the attempt's process, its Kitaru calls forwarded."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence

import cloudpickle

from kitaru.core import definitions, failures, retrying, values
from kitaru.core.capture import Capture
from kitaru.core.head import Head
from kitaru.core.journal import Failure
from kitaru.core.tagged import UserValue
from kitaru.core.values import Encoded
from kitaru.engine import context, errands
from kitaru.engine.context import Frame
from kitaru.engine.errands import Began, Done, Errand
from kitaru.engine.run import Attempt, Run
from kitaru.engine.staying import Polling
from kitaru.engine.world import Job, World
from kitaru.errors import FailureOrigin, KitaruSerializationError
from kitaru.isolated import loading, remote
from kitaru.isolated.remote import Channel, NoJournal, RemoteArtifacts, RemoteHistories, RemoteTelemetry
from kitaru.ports import Clock, Ids, Opened


def serve(channel: Channel, clock: Clock, ids: Ids) -> Callable[[], None] | None:
    """Do the errand that comes first; return what tells its end, None when there is no errand."""
    body = channel.receive()
    errand = None if body is None else errands.read(body)
    if not isinstance(errand, Errand):
        return None
    attempt = remote.Attempt(channel)
    frame = _frame(errand, attempt, clock, ids)
    done = _done(errand, frame, lambda: attempt.tell(Began()))
    return lambda: attempt.tell(done)


def _frame(errand: Errand, attempt: remote.Attempt, clock: Clock, ids: Ids) -> Frame:
    world = World(
        journal=NoJournal(),
        artifacts=RemoteArtifacts(attempt, errand.execution),
        histories=RemoteHistories(attempt),
        telemetry=RemoteTelemetry(attempt),
        clock=clock,
        ids=ids,
        stay=Polling(clock),
        borrowed=True,
    )
    flow = definitions.FlowDefinition(name=errand.flow, function=_nothing)
    job = Job(exec_id=errand.execution, flow=flow, inputs={}, stay=0)
    here = Attempt(world, job, Opened(slots=(), head=Head()))
    return Frame(Run(here), errand.call, errand.number)


def _done(errand: Errand, frame: Frame, begin: Callable[[], None]) -> Done:
    encoded: Encoded | None = None
    failure: Failure | None = None
    result: UserValue = None
    with Capture(BaseException) as caught, context.entered(frame):
        result = _result(errand, begin)
    if caught.error is not None:
        failure = _described(frame, caught.error)
    else:
        with Capture(KitaruSerializationError) as caught:
            encoded = values.encode(result, f"{errand.call.id} → result")
        if caught.error is not None:
            failures.mark(caught.error, origin=FailureOrigin.RUNTIME)
            failure = _described(frame, caught.error)
    return Done(encoded=encoded, failure=failure, saved=tuple(frame.saved), logged=frame.logged)


def _described(frame: Frame, error: BaseException) -> Failure:
    seconds = retrying.retry_after(error, frame.run.attempt.now())
    if seconds is not None:
        # The response that said so may be nothing that could be sent on.
        BaseException.__setattr__(error, "retry_after", seconds)
    failures.mark(error, call=frame.call.id)
    return failures.describe(error)


def _result(errand: Errand, begin: Callable[[], None]) -> UserValue:
    function = loading.function(errand.function)
    # After the function's module was loaded: it has the classes of a script.
    args, kwargs = _arguments(errand)
    begin()
    made = function(*args, **kwargs)
    return asyncio.run(_awaited(made)) if inspect.iscoroutine(made) else made


def _arguments(errand: Errand) -> tuple[Sequence[UserValue], Mapping[str, UserValue]]:
    found: UserValue = None
    with Capture(Exception) as caught:
        found = cloudpickle.loads(errand.arguments)
    if caught.error is None:
        return found
    message = f"{errand.call.id} → arguments: they cannot be unpickled in the process of their own: {caught.error}"
    raise KitaruSerializationError(message) from caught.error


async def _awaited(made: UserValue) -> UserValue:
    return await made


def _nothing() -> None:
    pass
