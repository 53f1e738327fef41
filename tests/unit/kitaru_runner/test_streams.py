"""The stream that user code prints to."""

import io
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from kitaru_runner.streams import Tee


def _tee() -> tuple[Tee, io.BytesIO, list[str]]:
    written, lines = io.BytesIO(), list[str]()
    return Tee(io.TextIOWrapper(written, encoding="utf-8", errors="surrogateescape"), lines.append), written, lines


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        pytest.param(["one\n"], ["one"], id="line"),
        pytest.param(["on", "e\ntwo\nth"], ["one", "two", "th"], id="pieces"),
        pytest.param(["\n"], [""], id="empty"),
        pytest.param(["x" * 40_000], ["x" * 16_384, "x" * 16_384, "x" * 7_232], id="endless"),
    ],
)
def test_whole_lines_are_handed_on(pieces: list[str], lines: list[str]) -> None:
    """Text goes through as it is; the listener gets lines, and at the end the one that was begun."""
    tee, written, heard = _tee()
    for piece in pieces:
        print(piece, end="", file=tee)
    tee.finish()
    assert written.getvalue().decode() == "".join(pieces)
    assert heard == lines


def test_half_a_surrogate_pair_is_spelled_out() -> None:
    """What cannot be UTF-8 reaches the listener as text that can."""
    tee, _, heard = _tee()
    print("\udcff", file=tee)
    assert heard == ["\\udcff"]


def test_threads_do_not_mix_their_lines() -> None:
    """Two threads that each print half a line at a time are heard with whole lines."""
    tee, _, heard = _tee()
    both = Barrier(2)

    def say(word: str) -> None:
        tee.write(word)
        both.wait(timeout=5)
        tee.write(f"-{word}\n")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(say, ("a", "b")))
    assert sorted(heard) == ["a-a", "b-b"]


def test_it_has_what_stdout_has() -> None:
    """Programs that ask stdout for its encoding, its bytes or its descriptor get the real one's."""
    tee, written, _ = _tee()
    tee.buffer.write(b"bytes")
    assert (tee.encoding, tee.errors, tee.isatty()) == ("utf-8", "surrogateescape", False)
    assert written.getvalue() == b"bytes"
