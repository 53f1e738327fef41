"""What user code prints goes to the pod's log as ever, and line by line into the execution's own."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import Final, TextIO

#: A line is cut into pieces of this many characters.
_LONGEST: Final = 16 * 1024

Listener = Callable[[str], None]


class Tee(io.TextIOWrapper):
    """A text stream on the bytes of another one, that hands each whole line to a listener as well.

    Threads may print at once: each has a line of its own that it is about to end. What is written to `buffer` or to
    the descriptor is not handed on.
    """

    def __init__(self, stream: TextIO, listener: Listener) -> None:
        stream.flush()
        super().__init__(stream.buffer, encoding=stream.encoding, errors=stream.errors, write_through=True)
        self._below = stream  # kept, because a stream that nobody keeps closes its bytes
        self._listener = listener
        self._begun = threading.local()

    def write(self, text: str, /) -> int:
        """Write `text`; the lines that it ends are handed on."""
        written = super().write(text)
        begun: str = getattr(self._begun, "text", "") + text
        *lines, rest = begun.split("\n")
        if len(rest) > _LONGEST:
            lines.append(rest)
            rest = ""
        self._begun.text = rest
        for line in lines:
            self._hand_on(line)
        return written

    def finish(self) -> None:
        """Hand on the line that this thread has begun and not ended."""
        rest: str = getattr(self._begun, "text", "")
        self._begun.text = ""
        if rest:
            self._hand_on(rest)

    def _hand_on(self, line: str) -> None:
        for start in range(0, max(1, len(line)), _LONGEST):
            piece = line[start : start + _LONGEST]
            # Half a surrogate pair can be printed, but not be written as UTF-8.
            self._listener(piece.encode(errors="backslashreplace").decode())
