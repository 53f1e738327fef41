"""The operator's wiring: the only place that knows which backends stand behind its ports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol, TypeVar

from kitaru.backends import log, probe
from kitaru.backends.boto3_store import Boto3Store
from kitaru.backends.s3 import S3Settings
from kitaru.core import paths as places
from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer, Expiry
from kitaru.core.paths import ExecutionPaths
from kitaru.core.protocol.ender import Ended, Ending, GaveUp
from kitaru.core.resources.model import BlobRef
from kitaru.errors import KitaruBackendError, StoreUnavailableError
from kitaru.ports import Clock, Ids, ObjectStore
from kitaru_operator import outages
from kitaru_operator.observed import StoreState
from kitaru_operator.settings import S3

_T = TypeVar("_T")
#: Requests to the store at once: it is asked from threads, because its client is synchronous.
_THREADS: Final = 16
#: Seconds that an ending waits for a store that gives no answer; then the pass comes again.
_PATIENCE: Final = 10.0
#: Seconds for a reply: a store that hangs is to be told of soon, and holds up the passes meanwhile.
_READ_TIMEOUT: Final = 10.0


class Runs(Protocol):
    """How a task that blocks is run without blocking the loop."""

    async def __call__(self, task: Callable[[], _T]) -> _T:
        """Return what the task returns."""
        ...


def in_threads() -> Runs:
    """Return a way to run tasks in threads, so many at once."""
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="store")

    async def run(task: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(threads, task)

    return run


class StoreJournals:
    """The `Journals` port on an object store, whose client is synchronous."""

    def __init__(self, store: ObjectStore, s3: S3, clock: Clock, ids: Ids, run: Runs) -> None:
        self._store = store
        self._s3 = s3
        self._clock = clock
        self._ids = ids
        self._run = run

    def paths(self, namespace: str, uid: str) -> ExecutionPaths:
        """Return where an execution's data lies."""
        return places.execution(self._s3.prefix, namespace, uid)

    def uri(self, paths: ExecutionPaths) -> str:
        """Return the journal's place for people."""
        return f"s3://{self._s3.bucket}/{paths.root}"

    async def probe(self) -> StoreState:
        """Try whether the store has what the journal needs of it."""
        try:
            await self._run(lambda: probe.check(self._store, self._s3.prefix, self._ids))
        except KitaruBackendError as error:
            return outages.state(error)
        return StoreState(ready=True)

    async def claimed(self, paths: ExecutionPaths, number: int) -> bool:
        """Whether somebody claimed the epoch."""
        claim = await self._run(lambda: log.read_claim(self._store, paths, number))
        return claim is not None

    async def head(self, paths: ExecutionPaths, known: Head | None) -> Head:
        """Return the head of the log, one read if nothing is new."""
        return await self._run(lambda: log.read_head(self._store, paths, known))

    async def decision(self, paths: ExecutionPaths, wait: str) -> Answer | Abort | Expiry | None:
        """Return what is stored for the wait."""
        return await self._run(lambda: log.read_decision(self._store, paths, wait))

    async def decide(
        self, paths: ExecutionPaths, wait: str, decision: Answer | Abort | Expiry
    ) -> Answer | Abort | Expiry:
        """Store the decision if there is none, and return the one that is stored."""
        return await self._run(lambda: log.store_decision(self._store, paths, wait, decision))

    async def end(self, paths: ExecutionPaths, ending: Ending, head: Head) -> Ended | GaveUp:
        """Claim the ending's number and append its record."""
        return await self._run(
            lambda: log.end_execution(self._store, paths, ending, head, self._clock, patience=_PATIENCE)
        )

    async def blob(self, namespace: str, ref: BlobRef) -> bytes | None:
        """Return the namespace's blob. Its size is asked first: another one than was said is never read."""
        key = places.blob(self._s3.prefix, namespace, ref.sha256)
        found = await self._run(lambda: self._store.head(key))
        if found is None or found.size != ref.size:
            return None
        return await self._run(lambda: self._store.get(key))

    async def spec(self, paths: ExecutionPaths) -> bytes | None:
        """Return the spec.json that is stored."""
        return await self._run(lambda: self._store.get(paths.spec))

    async def freeze(self, paths: ExecutionPaths, body: bytes) -> bytes:
        """Store spec.json if there is none, and return the one that is stored."""
        if await self._run(lambda: self._store.create(paths.spec, body)):
            return body
        stored = await self.spec(paths)
        if stored is None:
            message = f"The store refused {paths.spec} and shows none: try again."
            raise StoreUnavailableError(message)
        return stored

    async def purge(self, paths: ExecutionPaths) -> None:
        """Delete everything that the execution has in the store."""

        def remove() -> None:
            for found in list(self._store.list(f"{paths.root}/")):
                self._store.delete(found.key)

        await self._run(remove)


def open_store(s3: S3) -> ObjectStore:
    """Return the bucket; boto3 finds the credentials, from whatever source the pod has."""
    settings = S3Settings(bucket=s3.bucket, endpoint=s3.endpoint, region=s3.region)
    return Boto3Store(settings, _READ_TIMEOUT)
