"""The speed table can be printed: what it says is nobody's to assert."""

import pytest

from tests.bench import speed


def test_kitaru_alone_fills_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the peers, every row of the table is there, measured over a few flows."""
    speed.main(speed.Sizes(rounds=1, steps=5, flows=2, many=100, started=5, imports=1), alone=True)
    out = capsys.readouterr().out
    for what in (
        "step / bare commit",
        "empty flow",
        "after 100",
        "reused",
        "2 processes",
        "kept of a parked",
        "import",
    ):
        assert what in out
    assert "left out" not in out
