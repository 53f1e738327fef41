"""A store that asks again: one policy of retries for all backends, in place of each library's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar

from kitaru.errors import StoreUnavailableError
from kitaru.ports import Clock, ObjectInfo, ObjectStore

#: Seconds for which a request is repeated.
PATIENCE: Final = 10.0
#: Seconds before the second try, doubled at each one, up to the longest.
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0

_T = TypeVar("_T")


class RetryingStore:
    """An object store whose requests are sent again while the store gives no answer.

    All but `create`: sent twice, an own success looks like another's (rule 1), so only who can tell
    the two apart by the content may send it again, as the journal does.
    """

    def __init__(self, store: ObjectStore, clock: Clock, patience: float = PATIENCE) -> None:
        self._store = store
        self._clock = clock
        self._patience = patience

    def get(self, key: str) -> bytes | None:
        """Return the object's content, None if there is no such object."""
        return self._patiently(lambda: self._store.get(key))

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Write the object, whether it exists or not."""
        self._patiently(lambda: self._store.put(key, body, metadata))

    def create(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> bool:
        """Write the object if there is none; asked once."""
        return self._store.create(key, body, metadata)

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is known of the object, None if there is no such object."""
        return self._patiently(lambda: self._store.head(key))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Return the objects below the prefix; one that breaks off begins anew and skips what was told."""
        pauses = _Pauses(self._clock, self._patience)
        last = ""
        while True:
            try:
                for found in self._store.list(prefix):
                    if found.key > last:
                        last = found.key
                        yield found
            except StoreUnavailableError:
                if not pauses.another():
                    raise
            else:
                return

    def delete(self, key: str) -> None:
        """Remove the object; no error if there is none."""
        self._patiently(lambda: self._store.delete(key))

    def _patiently(self, request: Callable[[], _T]) -> _T:
        pauses = _Pauses(self._clock, self._patience)
        while True:
            try:
                return request()
            except StoreUnavailableError:
                if not pauses.another():
                    raise


class _Pauses:
    def __init__(self, clock: Clock, patience: float) -> None:
        self._clock = clock
        self._end = clock.monotonic() + patience
        self._next = _FIRST_PAUSE

    def another(self) -> bool:
        """Pause and return True; False, at once, when the patience would be over by then."""
        if self._clock.monotonic() + self._next > self._end:
            return False
        self._clock.sleep(self._next)
        self._next = min(2 * self._next, _LONGEST_PAUSE)
        return True
