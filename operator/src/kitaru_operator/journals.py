"""Executions' data in the store as the operator needs it. `kitaru_operator.connect` stands it on an object store."""

from __future__ import annotations

from typing import Protocol

from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer, Expiry
from kitaru.core.paths import ExecutionPaths
from kitaru.core.protocol.ender import Ended, Ending, GaveUp
from kitaru.core.resources.model import BlobRef
from kitaru_operator.observed import StoreState


class Journals(Protocol):
    """What the operator asks of the store. Each may raise a `KitaruBackendError`; then the pass comes again."""

    def paths(self, namespace: str, uid: str) -> ExecutionPaths:
        """Return where an execution's data lies."""
        ...

    def uri(self, paths: ExecutionPaths) -> str:
        """Return the journal's place for people, without credentials."""
        ...

    async def probe(self) -> StoreState:
        """Try whether the store has what the journal needs of it."""
        ...

    async def claimed(self, paths: ExecutionPaths, number: int) -> bool:
        """Whether somebody claimed the epoch."""
        ...

    async def head(self, paths: ExecutionPaths, known: Head | None) -> Head:
        """Return the head of the log, read on from one that is known."""
        ...

    async def decision(self, paths: ExecutionPaths, wait: str) -> Answer | Abort | Expiry | None:
        """Return what is stored for the wait."""
        ...

    async def decide(
        self, paths: ExecutionPaths, wait: str, decision: Answer | Abort | Expiry
    ) -> Answer | Abort | Expiry:
        """Store the decision if there is none, and return the one that is stored."""
        ...

    async def end(self, paths: ExecutionPaths, ending: Ending, head: Head) -> Ended | GaveUp:
        """Claim the ending's number and append its record."""
        ...

    async def blob(self, namespace: str, ref: BlobRef) -> bytes | None:
        """Return the namespace's blob of this name, None if there is none of this size."""
        ...

    async def spec(self, paths: ExecutionPaths) -> bytes | None:
        """Return the spec.json that is stored, None if there is none."""
        ...

    async def freeze(self, paths: ExecutionPaths, body: bytes) -> bytes:
        """Store spec.json if there is none, and return the one that is stored."""
        ...

    async def purge(self, paths: ExecutionPaths) -> None:
        """Delete everything that the execution has in the store."""
        ...
