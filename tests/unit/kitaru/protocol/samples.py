"""Small values for the tests of the protocol."""

from __future__ import annotations

from datetime import UTC, datetime

from kitaru.core import head as heads
from kitaru.core import journal
from kitaru.core.head import Head
from kitaru.core.journal import Record, Slot, Value

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VALUE = Value(codec="json", type="builtins.int", size=1, sha256="", data=1)
FAILURE = journal.Failure(type="builtins.ValueError", message="no")

FENCE = journal.Fence(at=NOW)
RETURNED = journal.Returned(call="research", value=VALUE, at=NOW)
OPENED = journal.WaitOpened(wait="approve", name="approve", scope="", occurrence=0, at=NOW)
ANSWERED = journal.Answered(wait="approve", request="r1", value=True, at=NOW)
EXPIRED = journal.Expired(wait="approve", at=NOW)
IDLE = journal.Idle(at=NOW)
PARKED = journal.Parked(at=NOW)
FAILED = journal.Failed(failure=FAILURE, at=NOW)
COMPLETED = journal.Completed(value=VALUE, at=NOW)
CANCELLED = journal.Cancelled(reason="asked", at=NOW)


def slot(epoch: int, *records: Record, writer: str = "") -> Slot:
    """Return a slot of a foreign writer."""
    writer = writer or f"other{epoch}"
    return Slot(epoch=epoch, writer=writer, id=f"{writer}-slot", records=records)


def head(*slots: tuple[int, Record]) -> Head:
    """Return the head of a log with one record a slot."""
    return heads.fold(Head(), [slot(epoch, record) for epoch, record in slots])
