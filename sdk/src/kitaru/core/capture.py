"""Catch what user code raises, as a value.

User code may raise anything, and here that is an outcome like a return. A context manager, because
it holds around plain calls and around `await` alike.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self


class Capture:
    """Within ``with Capture(...) as caught:`` the given exceptions end the block and are kept."""

    def __init__(self, *kinds: type[BaseException]) -> None:
        self._kinds = kinds
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is None or not isinstance(error, self._kinds):
            return False
        self.error = error
        return True
