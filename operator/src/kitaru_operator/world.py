"""What a pass needs of the world, and what is remembered between passes: to lose it costs reads only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from kitaru.core.head import Head
from kitaru.ports import Clock, Ids
from kitaru_operator.cache import Cache
from kitaru_operator.cluster import Cluster
from kitaru_operator.journals import Journals
from kitaru_operator.observed import StoreState
from kitaru_operator.schedule import Bucket
from kitaru_operator.settings import Settings
from kitaru_operator.workers import WorkQueue


@dataclass(frozen=True, slots=True)
class Key:
    """What a pass is about."""

    kind: Literal["execution", "flow"]
    namespace: str
    name: str


@dataclass(slots=True)
class Memory:
    """What is remembered of one execution.

    `poll` is how many seconds the next look at a running log waits; `due` is when a whole pass is wanted again, and
    `settled` the resourceVersion at which nothing was left to do. `over` and `lost` are attempts with the moment at
    which each was first seen to be over, or gone. `failures` counts passes in a row for which the store was away.
    `permit` and `progress` are reservations of the budgets, and `turn`, on the monotonic clock, that of a read.
    """

    head: Head | None = None
    poll: float = 0.0
    due: datetime | None = None
    settled: str | None = None
    over: tuple[int, datetime] | None = None
    lost: tuple[int, datetime] | None = None
    failures: int = 0
    permit: datetime | None = None
    progress: datetime | None = None
    turn: float | None = None


@dataclass(slots=True)
class Budgets:
    """What all executions share: pods created a second, counters written a second, logs looked at a second."""

    pods: Bucket = field(default_factory=lambda: Bucket(rate=50.0, burst=100.0))
    progress: Bucket = field(default_factory=lambda: Bucket(rate=5.0, burst=5.0))
    reads: Bucket = field(default_factory=lambda: Bucket(rate=100.0, burst=100.0))


@dataclass(slots=True)
class World:
    """Everything outside the pure decisions.

    `store` is what the probe of the store has said so far, `outage` that it gave the last pass no answer; `touched`
    are the keys that something happened to since their last whole pass.
    """

    cluster: Cluster
    journals: Journals
    cache: Cache
    queue: WorkQueue[Key]
    settings: Settings
    clock: Clock
    ids: Ids
    store: StoreState = field(default_factory=lambda: StoreState(ready=None))
    outage: StoreState | None = None
    budgets: Budgets = field(default_factory=Budgets)
    touched: set[Key] = field(default_factory=set[Key])
    memories: dict[Key, Memory] = field(default_factory=dict[Key, Memory])

    def touch(self, key: Key) -> None:
        """Have a whole pass made for the key, as soon as hands are free."""
        self.touched.add(key)
        self.queue.add(key)

    def memory(self, key: Key) -> Memory:
        """Return what is remembered of the execution."""
        return self.memories.setdefault(key, Memory())
