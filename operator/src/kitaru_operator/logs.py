"""Structured logs: one JSON object a line on stderr."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Final

_KNOWN: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}


class JsonLines(logging.Formatter):
    """Formats a record as JSON, with what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record in a line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: str(value) for name, value in record.__dict__.items() if name not in _KNOWN}
        if record.exc_info:
            line["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line)


def configure(level: str) -> None:
    """Send all logs to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # kopf says a line for each event that a handler took in.
    logging.getLogger("kopf.objects").setLevel(logging.ERROR)
    logging.getLogger("kopf").setLevel(logging.WARNING)
