"""The ports in memory, for tests and for trying things out: they do as they are told.

They obey the same contracts as the real ones (`tests/contract`). For a store that fails on
purpose, put `kitaru.backends.faults.FaultyStore` in front of one.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from kitaru.ports import ObjectInfo

#: Where a fake clock begins when nobody says otherwise.
EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Object:
    body: bytes
    metadata: Mapping[str, str]


class MemoryStore:
    """An object store in memory. Threads may share it; a lock makes `create` atomic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[str, _Object] = {}

    def get(self, key: str) -> bytes | None:
        """Return the object's content, None if there is no such object."""
        with self._lock:
            found = self._objects.get(key)
        return None if found is None else found.body

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Write the object, whether it exists or not."""
        made = _object(body, metadata)
        with self._lock:
            self._objects[key] = made

    def create(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> bool:
        """Write the object if there is none; return whether it was written."""
        made = _object(body, metadata)
        with self._lock:
            return self._objects.setdefault(key, made) is made

    def head(self, key: str) -> ObjectInfo | None:
        """Return size and metadata of the object, None if there is no such object."""
        with self._lock:
            found = self._objects.get(key)
        if found is None:
            return None
        return ObjectInfo(key=key, size=len(found.body), metadata=dict(found.metadata))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Return the objects whose key begins with `prefix`, by key, as they are at this moment."""
        with self._lock:
            found = [
                ObjectInfo(key=key, size=len(one.body)) for key, one in self._objects.items() if key.startswith(prefix)
            ]
        return iter(sorted(found, key=_utf8))

    def delete(self, key: str) -> None:
        """Remove the object; no error if there is none."""
        with self._lock:
            self._objects.pop(key, None)


class FakeClock:
    """A clock that a test turns.

    When `auto`, a sleeper does not wait: its sleep moves the clock on, so that code which polls or
    backs off runs through its whole patience at once. Otherwise it blocks until somebody else calls
    `advance`. All methods may be called from several threads.
    """

    def __init__(self, start: datetime = EPOCH, *, auto: bool = True) -> None:
        self._start = start
        self._auto = auto
        self._elapsed = 0.0
        self._sleepers = 0
        self._slept: list[float] = []
        self._changed = threading.Condition()
        self._alarms: dict[int, tuple[float, Callable[[], None]]] = {}
        self._numbers = itertools.count()

    def now(self) -> datetime:
        """Return the time of day: the start and what has passed since."""
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Return the seconds that have passed since the start."""
        with self._changed:
            return self._elapsed

    def sleep(self, seconds: float) -> None:
        """Move the clock on, or wait until it was moved on, by `seconds`."""
        if self._auto:
            with self._changed:
                self._slept.append(seconds)
            self.advance(seconds)
            return
        with self._changed:
            self._slept.append(seconds)
            end = self._elapsed + seconds
            self._sleepers += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._elapsed >= end)
            self._sleepers -= 1
            self._changed.notify_all()

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass; whoever sleeps no longer than that wakes, and alarms until then ring in this thread."""
        with self._changed:
            self._elapsed += max(0.0, seconds)
            due = sorted((at, number) for number, (at, _) in self._alarms.items() if at <= self._elapsed)
            rings = [self._alarms.pop(number)[1] for _, number in due]
            self._changed.notify_all()
        for ring in rings:
            ring()

    def alarm(self, seconds: float, ring: Callable[[], None], *, asleep: bool = False) -> Callable[[], None]:
        """Have `ring` called when the clock was moved on by `seconds`; return what takes it back.

        With `asleep` it counts as a sleep: when `auto` it moves the clock on, and has rung when this returns.
        """
        with self._changed:
            number = next(self._numbers)
            self._alarms[number] = (self._elapsed + max(0.0, seconds), ring)
            if asleep:
                self._slept.append(seconds)
        if asleep and self._auto:
            self.advance(seconds)
        return partial(self._take_back, number)

    def _take_back(self, number: int) -> None:
        with self._changed:
            self._alarms.pop(number, None)

    @property
    def slept(self) -> tuple[float, ...]:
        """The seconds of every sleep so far, in the order in which they began."""
        with self._changed:
            return tuple(self._slept)

    def await_sleepers(self, count: int, timeout: float = 5.0) -> None:
        """Return once `count` threads sleep. Raises `TimeoutError` after `timeout` real seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._sleepers >= count, timeout):
                message = f"{self._sleepers} threads sleep after {timeout} s, expected {count}"
                raise TimeoutError(message)


class SequentialIds:
    """Ids in order, so that a failing test can be read: half of it the seed, half the count.

    Two processes of one test need two seeds.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._count = 0
        self._lock = threading.Lock()

    def new(self) -> str:
        """Return the next id: 32 hex digits, the first one of seed 0 ending in 1."""
        with self._lock:
            self._count += 1
            return f"{self._seed:016x}{self._count:016x}"


class ThreadIsolation:
    """The Isolation port without processes: `serve` gets the other end of the channel, in a thread of its own.

    Such a thread cannot be killed; nothing that it does is heard any more.
    """

    def __init__(self, serve: Callable[[ThreadChannel], None]) -> None:
        self._serve = serve

    def start(self, errand: bytes) -> ThreadProcess:
        """Start a thread with its first message."""
        process = ThreadProcess()
        process.send(errand)
        threading.Thread(target=self._run, args=(process,), name="kitaru-isolated", daemon=True).start()
        return process

    def _run(self, process: ThreadProcess) -> None:
        try:
            self._serve(process.channel)
        finally:
            process.end(0)


class ThreadChannel:
    """The thread's end of a channel."""

    def __init__(self) -> None:
        self.heard: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def receive(self) -> bytes | None:
        """Return the next message, None when the other end is closed."""
        return self.heard.get()

    def send(self, message: bytes) -> None:
        """Send a message."""
        self.said.put(message)


class ThreadProcess:
    """What looks like a process, and is a thread."""

    def __init__(self) -> None:
        self.channel = ThreadChannel()
        self._code: int | None = None
        self._ended = threading.Event()

    def receive(self) -> bytes | None:
        """Return the next message, None once it has ended or was killed."""
        message = self.channel.said.get()
        return None if self._code == _KILLED else message

    def send(self, message: bytes) -> None:
        """Send a message."""
        self.channel.heard.put(message)

    def kill(self) -> None:
        """Hear nothing of it any more."""
        self.end(_KILLED)

    def end(self, code: int) -> None:
        """Let it have ended, unless it has already."""
        if self._code is None:
            self._code = code
        self.channel.said.put(None)
        self.channel.heard.put(None)
        self._ended.set()

    def close(self) -> int:
        """Return its exit code once it has ended."""
        self._ended.wait()
        return self._code or 0


#: The exit code of a process that SIGKILL ended.
_KILLED: Final = -9


def _object(body: bytes, metadata: Mapping[str, str] | None) -> _Object:
    # Lower case, because S3 stores them so: code that passes here must pass there.
    return _Object(bytes(body), {key.lower(): value for key, value in (metadata or {}).items()})


def _utf8(info: ObjectInfo) -> bytes:
    """Order keys as S3 does, by their UTF-8 bytes."""
    return info.key.encode()
