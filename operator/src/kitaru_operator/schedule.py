"""When which key is worked on: a keyed queue without a clock, a task or a lock of its own.

Rules: a key is in at most one pair of hands; a key that is added while it is worked on comes again afterwards,
because what was read may be older than the reason for adding it; a failed key comes again later and later.
"""

from __future__ import annotations

import heapq
from collections import deque
from random import Random
from typing import Final, Generic, TypeVar

K = TypeVar("K")

#: Seconds before the first repetition of a failed key, and at most.
FIRST_DELAY: Final = 0.2
LONGEST_DELAY: Final = 60.0


class Schedule(Generic[K]):
    """Keys that are ready, due later, or in somebody's hands. Times are seconds on any clock that never goes back."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._ready: deque[K] = deque()
        self._waiting: set[K] = set()
        self._busy: set[K] = set()
        self._again: set[K] = set()
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._failures: dict[K, int] = {}
        self._count = 0

    def __len__(self) -> int:
        """Return how many keys are ready or in hands; those that are due later do not count."""
        return len(self._ready) + len(self._busy)

    def add(self, key: K) -> None:
        """Have the key worked on as soon as hands are free."""
        if key in self._busy:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.append(key)

    def add_at(self, key: K, due: float) -> None:
        """Have the key worked on at `due`, or earlier when that was asked before."""
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            self._count += 1
            heapq.heappush(self._heap, (due, self._count, key))

    def take(self, now: float) -> K | None:
        """Return a key that is now in the caller's hands, until `done` or `failed`; None if none is ready."""
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                self.add(key)
        if not self._ready:
            return None
        key = self._ready.popleft()
        self._waiting.discard(key)
        self._busy.add(key)
        return key

    def next_due(self) -> float | None:
        """Return when the next delayed key is due; None if there is none."""
        return self._heap[0][0] if self._heap else None

    def done(self, key: K, again: float | None = None) -> None:
        """Put the key down; `again` is when it wants to be looked at next."""
        self._failures.pop(key, None)
        self._release(key)
        if again is not None:
            self.add_at(key, again)

    def failed(self, key: K, now: float) -> float:
        """Put the key down to be tried again; return the seconds until then, doubled each time, with jitter."""
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        longest = min(FIRST_DELAY * 2.0 ** min(count, 16), LONGEST_DELAY)
        delay = longest * (0.5 + self._random.random() / 2)
        self._release(key, clear=True)
        self.add_at(key, now + delay)
        return delay

    def _release(self, key: K, *, clear: bool = False) -> None:
        self._busy.discard(key)
        if key in self._again:
            self._again.discard(key)
            if not clear:
                self.add(key)


class Bucket:
    """A budget of `rate` permits a second, of which `burst` may be saved up."""

    def __init__(self, rate: float, burst: float) -> None:
        self._interval = 1.0 / rate
        self._burst = burst * self._interval
        self._next = float("-inf")

    def reserve(self, now: float) -> float:
        """Reserve a permit and return in how many seconds it may be used: who asks first comes first."""
        self._next = max(self._next, now - self._burst) + self._interval
        return max(0.0, self._next - now)
