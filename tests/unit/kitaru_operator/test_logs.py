"""Structured logs, a line each."""

import io
import json
import logging

import pytest

from kitaru_operator.logs import JsonLines


def _line(error: BaseException | None = None) -> dict[str, str]:
    """Log as libraries do, and return the line: without an error they say False, or nothing."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("a.b")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.info("%s passes", 3, exc_info=error or False, extra={"key": "team/x"})
    return json.loads(said.getvalue())


def test_a_line_is_an_object_with_what_was_given_beside_the_message() -> None:
    """Whoever reads them needs no pattern."""
    line = _line()
    assert (line["message"], line["logger"], line["level"], line["key"]) == ("3 passes", "a.b", "INFO", "team/x")


def test_a_library_that_logs_no_error_on_purpose_is_no_error() -> None:
    """`exc_info=False` is what some say where others say nothing."""
    assert "traceback" not in _line()


def test_an_errors_traceback_is_in_the_line() -> None:
    """In one line with its message."""
    with pytest.raises(ExceptionGroup) as caught:
        _raise()
    assert "ExceptionGroup: lost" in _line(caught.value)["traceback"]


def _raise() -> None:
    message = "lost"
    raise ExceptionGroup(message, [KeyError("x")])
