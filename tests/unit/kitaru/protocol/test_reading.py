"""Reading a log: rule 8c's machines one reply at a time, segments as bytes, and reads that get no answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import pytest

from kitaru.backends import faults, log
from kitaru.backends.faults import FaultyStore
from kitaru.backends.log import ObjectJournal
from kitaru.backends.memory import FakeClock, MemoryStore
from kitaru.core import encoding, paths, segments
from kitaru.core.head import Head
from kitaru.core.journal import Answer, Claim, Expiry
from kitaru.core.protocol import reader
from kitaru.core.protocol.reader import Bounding, Fetching, Following, HeadReading, Probing, Reading
from kitaru.core.protocol.requests import (
    Created,
    Found,
    Missing,
    Present,
    ProbeSegment,
    ProbeSlot,
    ReadSegment,
    ReadSlot,
    Unknown,
)
from kitaru.core.protocol.writer import Identity
from kitaru.errors import JournalBrokenError, JournalFormatError, StoreUnavailableError
from tests.unit.kitaru.protocol import samples
from tests.unit.kitaru.protocol.samples import FENCE, NOW, RETURNED, slot
from tests.unit.kitaru.protocol.test_rules_storage import Forgetful

PATHS = paths.execution("", "team", "uid-1")
SEGMENT = segments.cut(Head(), [slot(1, FENCE), slot(1, RETURNED)])
SIZE = 2


Asked: TypeAlias = ProbeSegment | ReadSegment | ReadSlot | ProbeSlot


def asked(state: HeadReading, *replies: Present | Missing | Found) -> list[Asked]:
    """Return what a reader of heads asks for, reply by reply."""
    requests: list[Asked] = []
    for reply in replies:
        requests.append(state.request)
        after = reader.told(state, reply)
        if isinstance(after, Head):
            return requests
        state = after
    return [*requests, state.request]


def test_rule_8c_the_last_head_then_the_slots_after_it() -> None:
    """Rule 8c: of all segments only the last one of the row is fetched."""
    requests = asked(reader.head(size=SIZE), Present(), Present(), Missing(), Found(SEGMENT), Missing())
    assert requests == [ProbeSegment(0), ProbeSegment(1), ProbeSegment(2), ReadSegment(1), ReadSlot(2)]


def test_rule_8c_a_follower_looks_for_a_segment_after_some_news() -> None:
    """Rule 8c: one that goes on from a known head reads slots first, and looks for a segment once."""
    known = samples.head((1, FENCE))
    news = [Found(slot(1, RETURNED)) for _ in range(reader.STRIDE)]
    requests = asked(reader.head(known, size=SIZE), *news, Missing(), Found(slot(1, RETURNED)), Missing())
    assert requests[reader.STRIDE :] == [ProbeSegment(4), ReadSlot(9), ReadSlot(10)]


def test_rule_8c_a_follower_asks_how_far_the_log_goes_and_reads_up_to_there() -> None:
    """Rule 8c: a log that is written faster than it is read does not keep its reader for ever."""
    known = samples.head((1, FENCE))
    news = [Found(slot(1, RETURNED)) for _ in range(40)]
    stride, probes = reader.STRIDE, (Present(), Missing())
    requests = asked(reader.head(known, size=SIZE), *news[:stride], Missing(), *news[:stride], *probes, *news)
    assert requests[2 * stride + 1 :] == [ProbeSlot(25), ProbeSlot(41), *(ReadSlot(number) for number in range(17, 41))]


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(Bounding(Head(), SIZE, 8, 16), id="bounding"),
        pytest.param(Probing(Head(), 0, 0, SIZE), id="probing"),
        pytest.param(Fetching(0, SIZE), id="fetching"),
        pytest.param(Following(Head(), SIZE), id="following"),
    ],
)
def test_unknown_changes_nothing_and_nonsense_is_an_error(state: HeadReading) -> None:
    """Rule 1 for reads: no answer means the same request again; an answer to something else is not trusted."""
    assert reader.told(state, Unknown()) == state
    with pytest.raises(JournalBrokenError):
        reader.told(state, Created())


@pytest.mark.parametrize("segment", [0, None], ids=["segments", "slots"])
def test_a_reader_of_everything_is_as_careful(segment: int | None) -> None:
    """The same for a reader of the whole log."""
    state = Reading(Head(), segment)
    assert state.told(Unknown()) == state
    with pytest.raises(JournalBrokenError):
        state.told(Found(Claim(writer="w")))


@pytest.mark.parametrize(
    ("segment", "match"),
    [
        pytest.param(replace(SEGMENT, format=2), "format 2", id="a newer segment"),
        pytest.param(replace(SEGMENT, slots=(replace(SEGMENT.slots[0], format=3),)), "format 3", id="a newer slot"),
    ],
)
def test_a_segment_of_a_newer_format_is_refused_by_name(segment: segments.Segment, match: str) -> None:
    """A reader does not guess what a newer Kitaru meant."""
    with pytest.raises(JournalFormatError, match=match):
        segments.decode(segments.encode(segment))


def test_a_damaged_segment_says_what_to_do() -> None:
    """The slots still have everything, so the message says that the object may go."""
    with pytest.raises(JournalFormatError, match="delete the object"):
        segments.decode(b"{}")


def test_a_look_at_a_decision_outlasts_a_store_that_is_away() -> None:
    """A runner that asks for an answer waits for the store."""
    store = FaultyStore(MemoryStore(), faults.each("get", "answers", faults.unreachable()))
    mine = ObjectJournal(store, PATHS, Identity(epoch=1, writer="me"), FakeClock())
    mine.open()
    assert mine.decision("approve") is None


def test_what_is_no_decision_is_an_error() -> None:
    """A slot under the key of an answer is not taken for one."""
    store = MemoryStore()
    store.put(PATHS.answer("approve"), encoding.encode_claim(Claim(writer="w")))
    with pytest.raises(JournalFormatError):
        log.read_decision(store, PATHS, "approve")


def test_a_decision_that_is_refused_by_nothing_is_to_be_tried_again() -> None:
    """Rule 1: a put that was refused with nothing there has no outcome yet."""
    with pytest.raises(StoreUnavailableError, match="approve"):
        log.store_decision(Forgetful(), PATHS, "approve", Expiry(at=NOW))


def test_a_decision_stored_twice_is_stored_once() -> None:
    """The same request again finds itself."""
    store, answer = MemoryStore(), Answer(request="r1", value=1, at=NOW)
    assert log.store_decision(store, PATHS, "approve", answer) == answer
    assert log.store_decision(store, PATHS, "approve", replace(answer, at=NOW)) == answer


def test_a_journal_that_was_not_opened_knows_an_empty_log() -> None:
    """Before `open` the head is that of an empty log, and there is nothing to close."""
    mine = ObjectJournal(MemoryStore(), PATHS, Identity(epoch=1, writer="me"), FakeClock())
    mine.close()
    assert mine.head() == Head()
