"""Calls that run now, and that other executions may find in the cache once their results are in the log."""

from __future__ import annotations

from collections.abc import Sequence

from kitaru.core.journal import Raised, Record, Returned
from kitaru.ports import CallCache


class Offers:
    """The keys of calls that run. Any number of threads may use it."""

    def __init__(self, cache: CallCache | None) -> None:
        self._cache = cache
        self._keys: dict[str, str] = {}

    def expect(self, call: str, key: str) -> None:
        """Have the call kept under this key when it returns."""
        self._keys[call] = key

    def written(self, slot: int, records: Sequence[Record]) -> None:
        """Keep the calls whose results stand in this slot."""
        if not self._keys or self._cache is None:
            return
        for record in records:
            if not isinstance(record, Returned | Raised):
                continue
            key = self._keys.pop(record.call, None)
            if key is not None and isinstance(record, Returned):
                self._cache.keep(key, slot, record)
