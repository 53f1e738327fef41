"""Exceptions of extension modules in a body."""

from __future__ import annotations

import pydantic

from kitaru.checkpoints import checkpoint
from kitaru.engine.attempt import Completed, Failed
from tests.laws.kit import Bench


@checkpoint
def parse(text: str) -> int:
    """Read a number."""
    return pydantic.TypeAdapter(int).validate_python(text)


def test_validation_error_is_caught_in_both_runs() -> None:
    """`except pydantic.ValidationError` takes the same branch in the first run and in the resumed one."""
    broken = [True]
    caught: list[str] = []

    @checkpoint
    def last() -> None:
        if broken:
            message = "later"
            raise RuntimeError(message)

    def flow() -> None:
        try:
            parse("x")
        except pydantic.ValidationError as error:
            caught.append(error.errors()[0]["type"])
        last()

    bench = Bench(flow)
    assert isinstance(bench.attempt(), Failed)
    broken.clear()
    assert isinstance(bench.attempt(), Completed)
    assert caught == ["int_parsing", "int_parsing"]
