"""Which plain JSON the log can hold: what can be written down, and read again as it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import pydantic_core
from pydantic import JsonValue

#: Levels that a record lays around the JSON which it holds, generously.
_AROUND: Final = 20


def problem(value: JsonValue) -> str | None:
    """Return None for JSON that the log can hold, else what is wrong with it, in words."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        pydantic_core.from_json(b"[" * _AROUND + text + b"]" * _AROUND)
    except UnicodeEncodeError:
        return "it holds a lone surrogate, which is no text"
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:
        return "it is nested too deeply" if "recursion" in str(error) else "NaN and infinity are not JSON"
    return None


def size(value: JsonValue | Mapping[str, JsonValue]) -> int:
    """Return the bytes that the value takes as JSON without spaces."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def text(value: str) -> str:
    """Return the text with an escape for each lone surrogate, which cannot be written."""
    return value.encode("utf-8", "backslashreplace").decode()
