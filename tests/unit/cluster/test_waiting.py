"""Waits of the test cluster are bounded and say what they waited for."""

from pathlib import Path

import pytest

from kitaru_cluster import waiting
from kitaru_cluster.errors import ClusterError


def test_a_wait_returns_the_first_value() -> None:
    """A wait ends with the first value that is neither None nor False."""
    values = iter((None, "value", "later"))
    assert waiting.until(lambda: next(values), "a value", seconds=5) == "value"


def test_a_wait_in_vain_says_for_what(tmp_path: Path) -> None:
    """The error names the condition, why it last failed, and the end of the log."""
    log = tmp_path / "server.log"
    log.write_text("first line\nlast line\n")

    def refused() -> bool:
        message = "connection refused"
        raise OSError(message)

    with pytest.raises(ClusterError) as caught:
        waiting.until(refused, "the server to answer", seconds=0.01, log=log)
    for part in ("the server to answer", "connection refused", str(log), "last line"):
        assert part in str(caught.value)
