"""How records reach the journal: in one order, several calls to a slot."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Final, TypeAlias

from kitaru.core import encoding
from kitaru.core.capture import Capture
from kitaru.core.history import History
from kitaru.core.journal import Answered, Begun, Raised, Record, Returned, Slot, Tried, WaitOpened
from kitaru.errors import Cancelled, KitaruSerializationError
from kitaru.ports import Journal

#: Called with the number of a slot and its records once they are durable, before whoever waits for them goes on.
Written: TypeAlias = Callable[[int, Sequence[Record]], None]
#: Called once with None when the records are durable, else with what went wrong. Must not block.
Done: TypeAlias = Callable[[BaseException | None], None]


class Commits:
    """Writes records to the journal in the order in which they were given, one slot at a time.

    Whoever commits while a slot is being written waits for the next slot together with all others
    who came meanwhile. The order matters: a call's end must never be durable without its beginning,
    which may be in the hands of another thread. After a failed write nothing is written any more.
    """

    def __init__(self, journal: Journal, history: History, written: Written) -> None:
        self._journal = journal
        self._history = history
        self._written = written
        self._lock = threading.Lock()
        self._records: list[Record] = []
        self._waiting: list[Done] = []
        self._writing = False
        self._over = False
        self._broken: BaseException | None = None
        self._thread: ThreadPoolExecutor | None = None
        self.next = journal.head().next

    @property
    def broken(self) -> BaseException | None:
        """What ended the writing, None while it goes on."""
        return self._broken

    def add(self, *records: Record) -> None:
        """Let the records ride together in the next slot that somebody waits for. Raises as `check` does."""
        check(*records)
        with self._lock:
            if not self._over:
                self._records.extend(records)

    def commit(self, *records: Record, last: bool = False) -> None:
        """Return when the records, and all that were given before, are durable.

        After the `last` ones every other commit is refused, as after `close`.
        Raises what the journal raised, now and at every later commit. The records have passed `check`.
        """
        errors: list[BaseException | None] = []
        turn = self._enqueue(records, errors.append, last=last)
        if turn is not None:
            turn.wait()
        elif self._write():
            self._hand_over()
        if errors[0] is not None:
            raise errors[0]

    def submit(self, records: Sequence[Record], done: Done) -> None:
        """Commit without blocking; `done` is called from another thread. Raises as `check` does."""
        check(*records)
        if self._enqueue(records, done) is None:
            self._hand_over()

    def close(self, why: BaseException) -> None:
        """Write nothing any more: every later commit raises `why`."""
        with self._lock:
            self._broken = self._broken or why
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(wait=False)

    def _enqueue(self, records: Sequence[Record], done: Done, *, last: bool = False) -> Event | None:
        """Queue the records. None: the caller has to see to it that they are written.

        Else somebody else does, and sets the event when `done` was called.
        """
        with self._lock:
            if self._over:
                done(Cancelled(_OVER))
                return _set()
            self._over = last
            self._records.extend(records)
            if not self._writing:
                self._writing = True
                self._waiting.append(done)
                return None
            turn = Event()
            self._waiting.append(_then(done, turn.set))
            return turn

    def _write(self) -> bool:
        """Write one slot; return whether somebody came meanwhile, whom the next one has to serve."""
        with self._lock:
            records, self._records = self._records, []
            waiting, self._waiting = self._waiting, []
            broken = self._broken
        if broken is None:
            with Capture(BaseException) as caught:
                self._append(records)
            broken = caught.error
        with self._lock:
            self._broken = self._broken or broken
            self._writing = bool(self._waiting)
            more = self._writing
        for done in waiting:
            done(broken)
        return more

    def _append(self, records: Sequence[Record]) -> None:
        if not records:
            return
        slot = self._journal.append(records)
        self.next = slot + 1
        for record in records:
            self._history.apply(record)
        self._written(slot, records)

    def _hand_over(self) -> None:
        """Go on in a thread of its own: whoever committed a call wants to go on with the body."""
        with self._lock:
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, "kitaru-commits")
            self._thread.submit(self._drain)

    def _drain(self) -> None:
        while self._write():
            pass


def check(*records: Record) -> None:
    """Raise `KitaruSerializationError` for a record that cannot be written, naming its call or wait.

    Asked before the record meets those of others, whose slot it would spoil.
    """
    for record in records:
        try:
            encoding.encode_slot(Slot(epoch=0, writer="", id="", records=(record,)))
        except KitaruSerializationError as error:
            message = f"{_subject(record)} cannot be recorded: {error}"
            raise KitaruSerializationError(message) from error


def _subject(record: Record) -> str:
    match record:
        case Begun(call=call) | Tried(call=call) | Returned(call=call) | Raised(call=call):
            return f"call {call}"
        case WaitOpened(wait=wait) | Answered(wait=wait):
            return f"wait {wait}"
        case _:
            return f"the execution's {record.kind} record"


def _set() -> Event:
    event = Event()
    event.set()
    return event


_OVER: Final = "The attempt is over: its last record is written."


def _then(done: Done, afterwards: Callable[[], None]) -> Done:
    def both(error: BaseException | None) -> None:
        done(error)
        afterwards()

    return both
