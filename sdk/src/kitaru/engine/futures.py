"""What `.submit()` gives: the result of a call or wait that goes on beside the body."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Generic, TypeVar

from kitaru.core.capture import Capture
from kitaru.core.tagged import UserValue
from kitaru.engine import context, resting
from kitaru.engine.run import Run
from kitaru.errors import KitaruContextError, KitaruUsageError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Future(Generic[T_co]):
    """A result to come. In a `def` body ask for `.result()`, in an async one `await` it.

    Every way of asking gives the same value, or raises the same exception, however often. A result with several parts,
    such as a tuple, can be had by part: ``future[0]``, ``first, second = future``.
    """

    __kitaru_unkept__ = "this is a future: call .result() first"

    def __init__(
        self, run: Run, inner: concurrent.futures.Future[UserValue], named: concurrent.futures.Future[str]
    ) -> None:
        self._run = run
        self._inner = inner
        self._named = named

    @property
    def invocation_id(self) -> str:
        """The id of the call, or of the wait, waiting until the call has one: when its arguments are there.

        Raises what one of them raised. In an async body it raises `KitaruContextError` while there is none.
        """
        context.scope(_OUTSIDE, _OUTSIDE)
        if not self._named.done():
            self._block(self._named)
        if self._named.cancelled():
            self._inner.result()
        return self._named.result()

    def result(self) -> T_co:
        """Return the result, waiting for it. Raises what the call raised.

        In an async body it raises `KitaruContextError` when the result is not there yet.
        """
        if context.where() is context.Where.BODY:
            context.scope(_OUTSIDE, _OUTSIDE)
            if not self._inner.done():
                self._block(self._inner)
        elif not self._inner.done():
            raise KitaruContextError(_OUTSIDE)
        return self._inner.result()

    def load(self) -> T_co:
        """Return the result, as `result` does."""
        return self.result()

    def wait(self) -> None:
        """Return when the result is there. Raises what the call raised, and in an async body as `result`."""
        self.result()

    def done(self) -> bool:
        """Whether the result is there."""
        return self._inner.done()

    def running(self) -> bool:
        """Whether the result is still to come."""
        return not self._inner.done()

    def __len__(self) -> int:
        return len(self._parts())

    def __getitem__(self, index: int) -> UserValue:
        return self._parts()[index]

    def __iter__(self) -> Iterator[UserValue]:
        return iter(self._parts())

    def __bool__(self) -> bool:
        return True

    def _parts(self) -> UserValue:
        return self.result()

    def __await__(self) -> Generator[object, None, T_co]:
        context.scope(_OUTSIDE, _OUTSIDE)
        if not self._inner.done():
            yield from _arrival(self._inner)
        return self._inner.result()

    def outcome(self) -> T_co:
        """Return the result, which is there, in whatever thread."""
        return self._inner.result()

    def when_done(self, listener: Callable[[], None]) -> None:
        """Call `listener` when the result is there, in the thread that brings it."""
        self._inner.add_done_callback(lambda _: listener())

    def _block(self, awaited: concurrent.futures.Future[T]) -> None:
        if self._run.loop is not None:
            message = "In an async flow .result() would block all its tasks: await the future."
            raise KitaruContextError(message)
        resting.block(self._run, awaited)


class FutureList(Generic[T_co]):
    """The futures of a `map` or `product`, in the order of their arguments."""

    __kitaru_unkept__ = "these are futures: call .result() first"

    def __init__(self, futures: Iterable[Future[T_co]]) -> None:
        self.futures = list(futures)

    def result(self) -> list[T_co]:
        """Return all results. Raises what the first failed one of them raised."""
        return [one.result() for one in self.futures]

    def load(self) -> list[T_co]:
        """Return all results, as `result` does."""
        return self.result()

    def wait(self) -> None:
        """Return when all results are there. Raises as `result`."""
        self.result()

    def running(self) -> bool:
        """Whether a result is still to come."""
        return any(one.running() for one in self.futures)

    def unpack(self) -> tuple[list[UserValue], ...]:
        """Return the results part by part: of calls that return pairs, all firsts and all seconds.

        Raises as `result`, and `KitaruUsageError` for results that are not of equally many parts.
        """
        results: list[UserValue] = [*self.result()]
        try:
            return tuple(list(part) for part in zip(*results, strict=True))
        except (TypeError, ValueError) as error:
            message = "unpack() gives the parts of results with equally many of them: use .result() for these."
            raise KitaruUsageError(message) from error

    def __await__(self) -> Generator[object, None, list[T_co]]:
        for one in self.futures:
            yield from one.__await__()
        return self.result()

    def __iter__(self) -> Iterator[Future[T_co]]:
        return iter(self.futures)

    def __len__(self) -> int:
        return len(self.futures)

    def __getitem__(self, index: int) -> Future[T_co]:
        return self.futures[index]


def known(name: str) -> concurrent.futures.Future[str]:
    """Return an id that is known from the beginning."""
    named: concurrent.futures.Future[str] = concurrent.futures.Future()
    named.set_result(name)
    return named


def _arrival(inner: concurrent.futures.Future[UserValue]) -> Generator[object, None, None]:
    """Wait on the running loop. Whoever is cancelled here leaves the call itself alone."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def arrived(_: object) -> None:
        with Capture(RuntimeError):
            # The loop may be closed: the attempt is over, nobody waits any more.
            loop.call_soon_threadsafe(functools.partial(_release, waiter))

    inner.add_done_callback(arrived)
    yield from waiter


def _release(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


_OUTSIDE = "A Kitaru future gives its result in the body of the flow that made it."
