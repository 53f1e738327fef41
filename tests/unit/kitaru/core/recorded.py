"""Logs written by hand, for the tests of replays."""

from __future__ import annotations

from collections.abc import Mapping

from kitaru.backends.memory import EPOCH
from kitaru.core import recordings, values
from kitaru.core.journal import (
    Answered,
    Begun,
    Completed,
    Failure,
    Fence,
    Raised,
    Record,
    Returned,
    Slot,
    WaitOpened,
)
from kitaru.core.recordings import Recording
from kitaru.core.replay import Script
from kitaru.core.spec import Replay

FAILURE = Failure(type="a.B", message="no")


def began(call: str, head: int, scope: str = "") -> Begun:
    """Begin a call; its name is its id without a number."""
    name, _, number = call.partition("_")
    return Begun(
        call=call, name=name, scope=scope, occurrence=int(number or 1), inputs=f"of {call}", head=head, at=EPOCH
    )


def returned(call: str) -> Returned:
    """End it well."""
    return Returned(call=call, value=values.inline(call), at=EPOCH)


def raised(call: str) -> Raised:
    """End it badly."""
    return Raised(call=call, failure=FAILURE, at=EPOCH)


def asked(wait: str, head: int | None = None) -> WaitOpened:
    """Open a wait."""
    return WaitOpened(wait=wait, name=wait, scope="", occurrence=1, at=EPOCH, head=head)


def answered(wait: str) -> Answered:
    """Answer it."""
    return Answered(wait=wait, request="r", value="yes", at=EPOCH)


def ended(*left: str) -> Completed:
    """End the execution."""
    return Completed(value=values.inline(None), at=EPOCH, left=left)


def read(*slots: tuple[Record, ...]) -> Recording:
    """Return what a log of these slots says; slot 0 is the fence."""
    log = [(Fence(at=EPOCH),), *slots]
    return recordings.read(Slot(epoch=1, writer="w", id=str(number), records=one) for number, one in enumerate(log))


def script(recording: Recording, from_: str, spec: Mapping[str, tuple[str, ...]] | None = None) -> Script:
    """Return the script of a replay; `spec` says which outputs and answers are given, and which inputs changed."""
    given = spec or {}
    return Script(
        Replay(
            execution="e",
            slots=99,
            from_=from_,
            outputs={one: values.inline("given") for one in given.get("outputs", ())},
            answers=dict.fromkeys(given.get("answers", ()), "given"),
            changed=given.get("changed", ()),
        ),
        recording,
    )
