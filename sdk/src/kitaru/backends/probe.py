"""Whether a store can hold journals: asked before the first attempt is started on it.

A store that ignores `If-None-Match: *` accepts every journal slot twice, and nothing else would show
it before two runners have written one history. So the properties that the protocol rests on are
tried out, one after the other, on keys that the probe makes up and removes again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kitaru.errors import KitaruBackendError, StoreUnavailableError, StoreUnfitError
from kitaru.ports import Ids, ObjectStore

#: Creates of one key at the same moment, and how often that is tried.
RACERS: Final = 16
ROUNDS: Final = 8
#: Times that a create without an answer is sent again; S3 answers 409 to some that race.
_ATTEMPTS: Final = 8


class Reason(StrEnum):
    """The property that a store lacks, as conditions name it."""

    CONDITIONAL_WRITES_UNSUPPORTED = "ConditionalWritesUnsupported"
    CONDITIONAL_WRITES_NOT_ATOMIC = "ConditionalWritesNotAtomic"
    READS_NOT_CURRENT = "ReadsNotCurrent"
    LISTINGS_NOT_CURRENT = "ListingsNotCurrent"
    DELETES_NOT_EFFECTIVE = "DeletesNotEffective"


@dataclass(frozen=True, slots=True)
class Demand:
    """A property that a store must have. `violation` tries it and returns in words what is wrong."""

    reason: Reason
    property: str
    violation: Callable[[_Trial], str | None]


def check(store: ObjectStore, folder: str, ids: Ids) -> None:
    """Return if the store has every property; about 150 small requests, all keys below `folder`.

    Raises `StoreUnfitError`, whose `reason` is a `Reason`, for the first one that it lacks; whatever
    else the store raises, such as `StoreDeniedError`, says that nothing is known about it.
    """
    trial = _Trial(store, "/".join(part for part in (folder.strip("/"), "probe", ids.new()) if part))
    try:
        unfit = _judgement(trial)
    finally:
        # By now it is known what is wrong with the store; that it cannot be cleaned up is no news.
        with contextlib.suppress(KitaruBackendError):
            trial.clean_up()
    if unfit is not None:
        raise unfit


class _Trial:
    """The keys of one probe."""

    def __init__(self, store: ObjectStore, root: str) -> None:
        self.store = store
        self.root = root
        self.keys: list[str] = []

    def key(self, name: str) -> str:
        """Return a new key, remembered for the end."""
        made = f"{self.root}/{name}"
        self.keys.append(made)
        return made

    def create(self, key: str, body: bytes) -> bool:
        """Create as a journal does: sent again while the outcome is unknown, known by its content."""
        unknown = False
        for _ in range(_ATTEMPTS):
            try:
                created = self.store.create(key, body)
            except StoreUnavailableError:
                unknown = True
            else:
                return created or (unknown and self.store.get(key) == body)
        return self.store.create(key, body)

    def clean_up(self) -> None:
        """Remove the keys."""
        while self.keys:
            self.store.delete(self.keys[-1])
            self.keys.pop()


def _second_create(trial: _Trial) -> str | None:
    key = trial.key("twice")
    if trial.store.get(key) is not None:
        return "it has content for a key that was never written"
    if not trial.create(key, b"first"):
        return "it refused the first create of a key"
    if trial.create(key, b"second"):
        return "it accepted a second create of one key"
    if trial.store.get(key) != b"first":
        return "it refused a second create of one key but kept its content"
    return None


def _racing_creates(trial: _Trial) -> str | None:
    with ThreadPoolExecutor(RACERS) as pool:
        for number in range(ROUNDS):
            violation = _race(trial, pool, trial.key(f"race-{number}"))
            if violation is not None:
                return violation
    return None


def _race(trial: _Trial, pool: ThreadPoolExecutor, key: str) -> str | None:
    start = threading.Barrier(RACERS)

    def run(body: bytes) -> bool:
        start.wait()
        return trial.create(key, body)

    bodies = [f"racer {number}".encode() for number in range(RACERS)]
    results = list(pool.map(run, bodies))
    winners = [body for body, won in zip(bodies, results, strict=True) if won]
    if len(winners) != 1:
        return f"of {RACERS} creates of one key at once it accepted {len(winners)}"
    if trial.store.get(key) != winners[0]:
        return "it accepted one create and kept the content of another"
    return None


def _reads(trial: _Trial) -> str | None:
    key = trial.key("read")
    for body in (b"one", b"two"):
        trial.store.put(key, body)
        if trial.store.get(key) != body:
            return "it did not return what had just been written"
    return None


def _listings(trial: _Trial) -> str | None:
    listed = [found.key for found in trial.store.list(f"{trial.root}/")]
    return None if listed == sorted(trial.keys) else "a listing lacked what had just been written"


def _deletes(trial: _Trial) -> str | None:
    key = trial.key("gone")
    trial.store.put(key, b"")
    trial.store.delete(key)
    return None if trial.store.get(key) is None else "it returned what had just been deleted"


#: In the order in which they are tried.
DEMANDS: Final = (
    Demand(
        Reason.CONDITIONAL_WRITES_UNSUPPORTED,
        "conditional writes (PUT with If-None-Match: *)",
        _second_create,
    ),
    Demand(
        Reason.CONDITIONAL_WRITES_NOT_ATOMIC,
        "atomic conditional writes (PUT with If-None-Match: *)",
        _racing_creates,
    ),
    Demand(Reason.READS_NOT_CURRENT, "reads that see the last write", _reads),
    Demand(Reason.LISTINGS_NOT_CURRENT, "listings that see the last write", _listings),
    Demand(Reason.DELETES_NOT_EFFECTIVE, "deletes that take effect", _deletes),
)


def _judgement(trial: _Trial) -> StoreUnfitError | None:
    for demand in DEMANDS:
        violation = demand.violation(trial)
        if violation is not None:
            message = (
                f"The store lacks {demand.property}: {violation}. Journals could fork on it; "
                "use a store that has them, such as AWS S3 or versitygw 1.8."
            )
            return StoreUnfitError(message, reason=demand.reason)
    return None
