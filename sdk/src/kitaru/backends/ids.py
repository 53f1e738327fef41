"""The Ids port on the operating system's randomness."""

from __future__ import annotations

import secrets

_BYTES = 16


class RandomIds:
    """Ids that nobody else has: safe across processes, forks and machines without any agreement."""

    def new(self) -> str:
        """Return 128 random bits as 32 lower-case hex digits."""
        return secrets.token_hex(_BYTES)
