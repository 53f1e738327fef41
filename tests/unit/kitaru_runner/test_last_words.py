"""The last words of an attempt: a code, and JSON that the kubelet keeps whole."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from kitaru.core.head import Head, OpenWait
from kitaru.core.journal import Failure, Value
from kitaru.engine.world import Closed, Completed, Failed, Interrupted, Outcome, Parked
from kitaru_runner import last_words

HEAD: Final = Head(next=7)
NOW: Final = datetime(2026, 1, 2, tzinfo=UTC)
VALUE: Final = Value(codec="json", type="str", size=2, sha256="0" * 64, data="")


def _waits(count: int) -> tuple[OpenWait, ...]:
    return tuple(
        OpenWait(id=f"approve_{number}_{'x' * 100}", name="approve", slot=1, since=NOW) for number in range(count)
    )


OUTCOMES: Final[dict[str, tuple[Outcome, int]]] = {
    "completed": (Completed(value=VALUE, head=HEAD), 0),
    "failed": (Failed(failure=Failure(type="ValueError", message="é" * 100_000), head=HEAD), 0),
    "parked": (Parked(waits=_waits(1000), head=HEAD), 0),
    "interrupted": (Interrupted(why="w" * 100_000, head=HEAD), 143),
    "closed": (Closed(why="over", head=HEAD), 75),
}


@pytest.mark.parametrize(("outcome", "code"), OUTCOMES.values(), ids=OUTCOMES)
def test_each_outcome_has_its_code_and_fits(outcome: Outcome, code: int) -> None:
    """Only an outcome that the journal has ends with 0; its summary is JSON below the kubelet's limit."""
    words = last_words.summary(outcome)
    assert last_words.exit_code(outcome) == code
    assert len(words.encode()) < last_words.LIMIT
    assert json.loads(words)["outcome"] == type(outcome).__name__
    assert json.loads(words)["slots"] == 7


def test_trouble_fits_too() -> None:
    """What ended the process before an outcome is told in the same bounds."""
    words = last_words.trouble(ValueError("w" * 100_000))
    assert len(words.encode()) < last_words.LIMIT
    assert json.loads(words)["outcome"] == "Broken"


def test_words_are_written_only_where_somebody_reads_them(tmp_path: Path) -> None:
    """A file that the kubelet made is written; none is made."""
    file = tmp_path / "termination-log"
    last_words.write(file, "words")
    assert not file.exists()
    file.touch()
    last_words.write(file, "words")
    assert file.read_text() == "words"
