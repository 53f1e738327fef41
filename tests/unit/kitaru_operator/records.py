"""Records as a runner would write them, at one moment."""

from datetime import datetime

from pydantic import JsonValue

from kitaru.backends.memory import EPOCH
from kitaru.core.journal import (
    Answered,
    Completed,
    Failed,
    Failure,
    Idle,
    Parked,
    Returned,
    Value,
    WaitOpened,
)

APPROVAL = '{"type": "object", "properties": {"approved": {"type": "boolean"}}, "required": ["approved"]}'


def value(data: JsonValue = 1) -> Value:
    """Return a small value."""
    return Value(codec="json", type="int", size=1, sha256="", data=data)


def asked(wait: str = "approve", deadline: datetime | None = None) -> WaitOpened:
    """Return a wait for an approval."""
    return WaitOpened(
        wait=wait,
        name=wait,
        scope="",
        occurrence=0,
        at=EPOCH,
        question="Publish it?",
        schema=APPROVAL,
        deadline=deadline,
    )


def parked() -> Parked:
    """Return the end of an attempt that only an answer moves on."""
    return Parked(at=EPOCH)


def idle() -> Idle:
    """Return that the runner stays for an answer."""
    return Idle(at=EPOCH)


def answered(wait: str = "approve") -> Answered:
    """Return that the runner took the answer."""
    return Answered(wait=wait, request="r", value={"approved": True}, at=EPOCH)


def returned(call: str = "draft") -> Returned:
    """Return a call that ended well."""
    return Returned(call=call, value=value(), at=EPOCH)


def completed() -> Completed:
    """Return the end of a flow that returned."""
    return Completed(value=value("done"), at=EPOCH)


def failed(message: str = "boom") -> Failed:
    """Return the end of a flow that raised in the call `draft`."""
    failure = Failure(type="builtins.ValueError", message=message, call="draft")
    return Failed(failure=failure, at=EPOCH)
