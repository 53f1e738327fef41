"""The ports of an attempt, asked at the other end of a channel."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import NoReturn, Protocol

from pydantic import JsonValue

from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer, Expiry, Record, Slot
from kitaru.engine import errands
from kitaru.engine.errands import Flush, GetArtifact, Line, Message, OpenHistory, Question, Reply
from kitaru.errors import Cancelled, KitaruContextError
from kitaru.ports import Closed, Opened


class Channel(Protocol):
    """One end of what connects the two processes."""

    def receive(self) -> bytes | None:
        """Return the next message, None when the other end is closed."""
        ...

    def send(self, message: bytes) -> None:
        """Send a message."""
        ...


class Attempt:
    """The process of the attempt. Its methods may be called from several threads."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._asking = threading.Lock()

    def tell(self, message: Message) -> None:
        """Say something that has no reply."""
        self._channel.send(errands.write(message))

    def ask(self, question: Question) -> Reply:
        """Return the reply. Raises what the question raised there."""
        with self._asking:
            self.tell(question)
            body = self._channel.receive()
        reply = None if body is None else errands.read(body)
        if not isinstance(reply, Reply):
            message = "The process that runs the execution is gone."
            raise Cancelled(message)
        if reply.error is not None:
            raise reply.error
        return reply


class RemoteTelemetry:
    """The Telemetry port."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def emit(self, line: Mapping[str, JsonValue]) -> None:
        """Hand the line on."""
        self._attempt.tell(Line(line=dict(line)))

    def flush(self) -> bool:
        """Have it written there; return whether all of it was."""
        return self._attempt.ask(Flush()).found is True


class RemoteArtifacts:
    """The Artifacts port for reading; what a call keeps goes with its result."""

    def __init__(self, attempt: Attempt, execution: str) -> None:
        self._attempt = attempt
        self._execution = execution

    def put(self, artifact: str, body: bytes, metadata: Mapping[str, str]) -> NoReturn:
        """Refuse: the attempt's process keeps values."""
        del artifact, body, metadata
        raise KitaruContextError(_NOT_HERE)

    def get(self, artifact: str) -> bytes:
        """Return the encoded bytes."""
        found = self._attempt.ask(GetArtifact(execution=self._execution, artifact=artifact)).found
        return found if isinstance(found, bytes) else b""


class RemoteHistories:
    """The Histories port; the attempt's own execution is one of them."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def open(self, exec_id: str) -> tuple[Sequence[Slot], RemoteArtifacts]:
        """Return an execution's log and artifacts. Raises `LookupError` for an unknown id."""
        found = self._attempt.ask(OpenHistory(execution=exec_id)).found
        slots = found if isinstance(found, tuple) else ()
        return slots, RemoteArtifacts(self._attempt, exec_id)


class NoJournal:
    """The Journal port where there is none: the attempt's process writes it."""

    def open(self) -> Opened | Closed:
        """Return an empty log."""
        return Opened(slots=(), head=Head())

    def append(self, records: Sequence[Record]) -> int:
        """Refuse."""
        del records
        raise KitaruContextError(_NOT_HERE)

    def decision(self, wait: str) -> Answer | Abort | Expiry | None:
        """Return nothing: no wait is open here."""
        del wait

    def head(self) -> Head:
        """Return the head of an empty log."""
        return Head()


_NOT_HERE = "An isolated checkpoint's process has no journal: this belongs into the flow's body."
