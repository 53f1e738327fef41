"""Events of an execution: the log and the telemetry merged, and cursors that lose and repeat nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kitaru.core import events, journal
from kitaru.core.events import Batch, ExecutionEvent, Line, Merge, Position
from kitaru.core.journal import Begun, Record, Returned, Slot, Value
from kitaru.errors import KitaruUsageError

START = datetime(2026, 1, 1, tzinfo=UTC)
VALUE = Value(codec="json", type="int", size=1, sha256="0" * 64, data=1)


def _at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def _begun(call: str, seconds: int) -> Begun:
    return Begun(call=call, name="c", scope="", occurrence=1, inputs="", head=0, at=_at(seconds))


def _slots(records: list[Sequence[Record]]) -> list[tuple[int, Slot]]:
    made = [Slot(epoch=1, writer="w", id=f"w-{number}", records=tuple(one)) for number, one in enumerate(records)]
    return list(enumerate(made))


def _batch(lines: list[Line]) -> bytes:
    noise = b'{"source":"stdout","message":"\\"source\\":\\"event\\""}\n'
    return noise + b"".join(events.encoded(line) + b"\n" for line in lines)


def _line(call: str, seconds: int, index: int) -> Line:
    return Line(at=_at(seconds), kind="page", call=call, checkpoint="c", index=index)


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[tuple[int, Slot]], list[tuple[Batch, bytes]]]:
    """Calls that begin and end, and what they publish between, over several slots and batches."""
    calls = draw(st.integers(0, 4))
    records: list[Sequence[Record]] = [[journal.Fence(at=START)]]
    batches: list[list[Line]] = [[]]
    seconds = 0
    for number in range(calls):
        seconds += 1
        begun = _begun(f"c_{number}", seconds)
        told = draw(st.integers(0, 3))
        for index in range(told):
            seconds += 1
            if draw(st.booleans()):
                batches.append([])
            batches[-1].append(_line(f"c_{number}", seconds, index + 1))
        seconds += 1
        ended = Returned(call=f"c_{number}", value=VALUE, at=_at(seconds))
        records += [[begun, ended]] if draw(st.booleans()) else [[begun], [ended]]
    return _slots(records), [(Batch(1, number), _batch(lines)) for number, lines in enumerate(batches)]


def _keys(found: list[ExecutionEvent]) -> list[tuple[str, str, int | None]]:
    return [(one.kind, one.checkpoint_id, one.index) for one in found]


@given(stories(), st.data())
def test_who_returns_with_a_cursor_sees_what_is_after_it(
    story: tuple[list[tuple[int, Slot]], list[tuple[Batch, bytes]]], data: st.DataObject
) -> None:
    """From any event's cursor on, the events are those after it, each once and in the same order."""
    slots, batches = story
    every = list(Merge("x").take(slots, batches))
    assert [one.timestamp for one in every] == sorted(one.timestamp for one in every)
    if not every:
        return
    number = data.draw(st.integers(0, len(every) - 1))
    after = Merge("x", events.position(every[number].cursor))
    unread = [one for one in batches if one[0] >= after.at.batch]
    assert _keys(list(after.take(slots, unread))) == _keys(every[number + 1 :])


@given(stories(), st.data())
def test_who_follows_sees_each_event_once(
    story: tuple[list[tuple[int, Slot]], list[tuple[Batch, bytes]]], data: st.DataObject
) -> None:
    """Read in two looks or in one: the same events."""
    slots, batches = story
    merge = Merge("x")
    first = data.draw(st.integers(0, len(slots)))
    begun = data.draw(st.integers(0, len(batches)))
    seen = [*merge.take(slots[:first], batches[:begun]), *merge.take(slots[first:], batches[begun:])]
    assert sorted(_keys(seen), key=str) == sorted(_keys(list(Merge("x").take(slots, batches))), key=str)


def test_a_payload_says_who_speaks_and_cannot_be_made_to_lie() -> None:
    """What the code gives stands beside the envelope, never in it."""
    line = Line(at=_at(1), kind="page", call="c", checkpoint="c", text="hello", data={"kitaru": {"source": "me"}})
    (event,) = Merge("x").take([], [(Batch(1, 0), _batch([line]))])
    assert event.payload["message"] == "hello"
    assert event.payload["data"] == {"kitaru": {"source": "me"}}
    assert event.payload["kitaru"] == {
        "source": "kitaru",
        "execution_id": "x",
        "checkpoint_id": "c",
        "checkpoint_name": "c",
    }


@pytest.mark.parametrize("cursor", ["", "1", "1.2-3.4", "1.2-3.4.5x", "-1.0-0.0.0"])
def test_what_no_event_had_is_no_cursor(cursor: str) -> None:
    """A cursor is an event's own, as it was."""
    with pytest.raises(KitaruUsageError, match="since="):
        events.position(cursor)
    assert events.position(str(Position(1, 2, Batch(3, 4), 5))) == Position(1, 2, Batch(3, 4), 5)


@pytest.mark.parametrize("kind", ["", " ", "a\nb", "end", "gap"])
def test_a_kind_is_one_line_and_not_the_streams_own(kind: str) -> None:
    """What streams say of themselves cannot be published."""
    with pytest.raises(KitaruUsageError, match="kind="):
        events.check_kind("publish", kind)
