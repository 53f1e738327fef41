"""How large a value is where it is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import JsonValue


def of(value: JsonValue | Mapping[str, JsonValue]) -> int:
    """Return the bytes that the value takes as JSON without spaces."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
