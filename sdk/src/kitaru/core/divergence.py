"""How a divergence is shown: the calls that were recorded beside the calls that the code makes."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

#: Rows that are shown, and how many of them before the first difference.
_ROWS: Final = 30
_CONTEXT: Final = 3
_OTHER: Final = "(other inputs)"
_UNREACHED: Final = "(not reached)"


@dataclass(frozen=True, slots=True)
class Made:
    """A call in a sequence: what it is called, and the hash of its inputs."""

    name: str
    inputs: str


@dataclass(frozen=True, slots=True)
class _Row:
    mark: str
    recorded: str
    made: str


def table(recorded: Sequence[Made], made: Sequence[Made], *, reached_the_end: bool) -> str:
    """Return the two sequences side by side: `-` only recorded, `+` only made, `~` made with other inputs.

    `reached_the_end` says that the body made all the calls it would make; otherwise what was recorded after the last
    one made is no difference.
    """
    rows = list(_rows(recorded, made, reached_the_end=reached_the_end))
    first = next((number for number, row in enumerate(rows) if row.mark != " "), 0)
    shown = rows[max(0, first - _CONTEXT) :][:_ROWS]
    width = max((len(row.recorded) for row in shown), default=0) + 4
    width = max(width, len("recorded") + 4)
    lines = [f"  {'recorded':<{width}}this code"]
    if first > _CONTEXT:
        lines.append(f"  … {first - _CONTEXT} alike")
    lines.extend(f"{row.mark} {row.recorded:<{width}}{row.made}".rstrip() for row in shown)
    left = len(rows) - max(0, first - _CONTEXT) - len(shown)
    if left:
        lines.append(f"  … {left} more")
    return "\n".join(lines)


def _rows(recorded: Sequence[Made], made: Sequence[Made], *, reached_the_end: bool) -> Iterator[_Row]:
    alike = _common(recorded, made)
    for one in made[:alike]:
        yield _Row(" ", one.name, one.name)
    # Beyond the rows that are shown, nothing needs to be compared, and comparing costs more than linearly.
    old, new = recorded[alike:][: 4 * _ROWS], made[alike:][: 4 * _ROWS]
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, start, end, since, until in matcher.get_opcodes():
        if tag == "equal":
            yield from (_Row(" ", one.name, one.name) for one in old[start:end])
            continue
        # A body that was stopped at its last call may still have made what was recorded after that one.
        met = min(end, start + until - since) if until == len(new) and not reached_the_end else end
        yield from _unlike(old[start:met], new[since:until])
        yield from (_Row(" ", one.name, _UNREACHED) for one in old[met:end])


def _common(recorded: Sequence[Made], made: Sequence[Made]) -> int:
    for number, (one, other) in enumerate(zip(recorded, made, strict=False)):
        if one != other:
            return number
    return min(len(recorded), len(made))


def _unlike(old: Sequence[Made], new: Sequence[Made]) -> Iterator[_Row]:
    """Pair calls of the same name: these differ in their inputs."""
    matcher = difflib.SequenceMatcher(None, [one.name for one in old], [one.name for one in new], autojunk=False)
    for tag, start, end, since, until in matcher.get_opcodes():
        if tag == "equal":
            yield from (_Row("~", one.name, f"{one.name} {_OTHER}") for one in old[start:end])
        else:
            yield from (_Row("-", one.name, "") for one in old[start:end])
            yield from (_Row("+", "", one.name) for one in new[since:until])
