"""What the journal could not hold, or could not be read again with, is refused where it is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from kitaru.checkpoints import checkpoint
from kitaru.core.tagged import UserValue
from kitaru.engine import keeping, waits
from kitaru.engine.attempt import Failed
from kitaru.engine.keeping import Kept
from kitaru.engine.waits import Inquiry
from tests.laws.kit import Bench

SURROGATE: Final = "\ud800"


def _asked(question: UserValue, metadata: UserValue = None) -> UserValue:
    return waits.ask_and_block(Inquiry(schema=bool, name="go", question=question, metadata=metadata))


def _saved(name: UserValue, tags: UserValue = ()) -> UserValue:
    @checkpoint
    def keep() -> None:
        keeping.save(Kept(name=name, kind="output", tags=tags), 1)

    return keep()


def _typed(kind: UserValue) -> UserValue:
    @checkpoint(type=kind)
    def typed() -> int:
        return 1

    return typed()


def _logged(value: UserValue) -> None:
    keeping.log({"a": value})


def _raised(error: BaseException) -> UserValue:
    raise error


def _deep() -> list[UserValue]:
    found: list[UserValue] = []
    for _ in range(300):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("flow", "words"),
    [
        pytest.param(lambda: _asked(3), "wait go: question must be a string: it is int", id="question"),
        pytest.param(lambda: _asked(Path("x")), "question must be a string: it is pathlib", id="path"),
        pytest.param(lambda: _asked(SURROGATE), "question must be a string: it holds a lone", id="surrogate"),
        pytest.param(lambda: _asked("?", {"a": SURROGATE}), "metadata must be JSON: a: it holds", id="metadata"),
        pytest.param(lambda: _saved(3), "artifact's name must be a string: it is int", id="name"),
        pytest.param(lambda: _saved("a", (1,)), "each of tags must be a string", id="tags"),
        pytest.param(lambda: _typed(SURROGATE), "call typed cannot be recorded", id="type"),
        pytest.param(lambda: _logged(b"\xff"), "log() must be a JSON object", id="bytes"),
        pytest.param(lambda: _logged(float("nan")), "log() must be JSON: a: NaN", id="nan"),
        pytest.param(lambda: _logged(_deep()), "log() must be", id="deep"),
        pytest.param(lambda: _raised(ValueError(SURROGATE)), "\\ud800", id="error"),
    ],
)
def test_it_fails_the_flow_with_a_sentence(flow: Callable[[], UserValue], words: str) -> None:
    """The execution fails, in words that name the field, and its log can be read."""
    flow.__name__ = "flow"
    bench = Bench(flow)
    outcome = bench.attempt()
    assert isinstance(outcome, Failed)
    assert words in outcome.failure.message
    assert bench.slots()[-1].records[-1].kind == "failed"
    for line in bench.lines.lines:
        assert f"{line}".encode()
