"""A status stays within 2.5 KiB, and is cut in the order that the design names."""

import json
from datetime import UTC, datetime
from typing import Final

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import JsonValue

from kitaru.core.head import Head, OpenWait
from kitaru.core.journal import Value
from kitaru.core.phases import Phase
from kitaru.core.resources import status
from kitaru.core.resources.conditions import Condition, ExecutionCondition, Reason
from kitaru.core.resources.execution import Checkpoints, ExecutionStatus, FailureStatus, JournalRef, WaitStatus
from kitaru.core.resources.model import write
from kitaru.errors import FailureOrigin

NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
LARGE_SCHEMA: Final[dict[str, JsonValue]] = {
    "type": "object",
    "properties": {f"field_{number}": {"type": "string", "description": "x" * 40} for number in range(20)},
}


def _conditions(message: str = "") -> tuple[Condition, ...]:
    return tuple(
        Condition(
            type=type_,
            status="Unknown",
            reason=Reason.RUNNING,
            message=message,
            last_transition_time=NOW,
            observed_generation=1,
        )
        for type_ in ExecutionCondition
    )


def _full(waits: tuple[WaitStatus, ...] = ()) -> ExecutionStatus:
    return ExecutionStatus(
        observed_generation=3,
        phase=Phase.WAITING,
        version=12,
        image=f"registry.example/team/agents@sha256:{'0' * 64}",
        attempt=4,
        pod_name="research-agent-x7k2p-0123abcd-4",
        started_at=NOW,
        spec_digest=f"sha256:{'0' * 64}",
        journal=JournalRef(uri=f"s3://bucket/prefix/team/executions/{'0' * 36}", head=1234),
        waits=waits,
        waiting_for="approve, budget",
        checkpoints=Checkpoints(completed=10),
        conditions=_conditions("a sentence for people"),
    )


def _wait(number: int, question: str = "May it?", schema: dict[str, JsonValue] | None = None) -> WaitStatus:
    name = f"approve_{number}"
    return WaitStatus(id=name, name="approve", slot=number, question=question, schema_=schema, since=NOW, deadline=NOW)


def test_a_status_within_its_budget_is_not_cut() -> None:
    """Nothing is left out that fits."""
    given = _full((_wait(1, schema={"type": "boolean"}),))
    assert status.bounded(given) is given


def test_eight_waits_of_large_schemas_fit() -> None:
    """Schemas go first, then the questions are cut, then later waits are only named; all eight are there."""
    waits = tuple(_wait(number, "Shall it be done? " * 30, LARGE_SCHEMA) for number in range(8))
    cut = status.bounded(_full(waits))
    assert status.size(cut) <= status.BUDGET
    assert [one.id for one in cut.waits] == [one.id for one in waits]
    assert [one.schema_ for one in cut.waits] == [None] * 8
    assert [one.question is not None for one in cut.waits] == [True] * 3 + [False] * 5
    assert all(len((one.question or "").encode()) <= 80 for one in cut.waits)
    assert [one.slot for one in cut.waits] == list(range(8))


def test_only_the_last_waits_lose_their_schemas_when_that_is_enough() -> None:
    """A schema is dropped from the end, and no more of them than must be."""
    small: dict[str, JsonValue] = {"type": "string", "description": "x" * 300}
    cut = status.bounded(_full(tuple(_wait(number, schema=small) for number in range(6))))
    kept = [one.schema_ is not None for one in cut.waits]
    assert kept == sorted(kept, reverse=True)
    assert kept[0]
    assert not kept[-1]
    assert all(one.question == "May it?" for one in cut.waits)


def test_questions_are_cut_before_waits_lose_their_details() -> None:
    """Eighty bytes a question may be enough."""
    cut = status.bounded(_full(tuple(_wait(number, "Shall it? " * 60) for number in range(4))))
    assert all(one.since == NOW for one in cut.waits)
    assert all((one.question or "").endswith("…") for one in cut.waits)


def test_result_and_message_are_cut_after_the_waits() -> None:
    """A long result and a long message have 256 bytes left."""
    failure = FailureStatus(origin=FailureOrigin.USER_CODE, checkpoint="research", message="no " * 1300)
    given = _full().model_copy(update={"result": json.dumps("y" * 3000), "failure": failure})
    cut = status.bounded(given)
    assert cut.result is not None
    assert cut.failure is not None
    assert 250 <= len(cut.result.encode()) <= 256
    assert 250 <= len(cut.failure.message.encode()) <= 256


def test_the_longest_names_fit_too() -> None:
    """When ids alone are too much, the first waits are shown."""
    waits = tuple(
        WaitStatus(id=f"{'w' * 128}_{number}", name="w" * 128, slot=number, question="?" * 500) for number in range(8)
    )
    cut = status.bounded(_full(waits).model_copy(update={"conditions": _conditions("m" * 1000)}))
    assert status.size(cut) <= status.BUDGET
    assert [one.id for one in cut.waits] == [one.id for one in waits[: len(cut.waits)]]
    assert len(cut.waits) >= 1


CALL: Final = "w" * 144
ENDS: Final[dict[str, dict[str, object]]] = {
    "going on": {"checkpoints": Checkpoints(completed=2**53)},
    "over": {
        "result": "r" * 4096,
        "failure": FailureStatus(origin=FailureOrigin.DIVERGENCE, checkpoint=CALL, message="m" * 4096),
        "checkpoints": None,
    },
    "both": {
        "checkpoints": Checkpoints(completed=2**53),
        "failure": FailureStatus(origin=FailureOrigin.DIVERGENCE, checkpoint=CALL, message="m" * 4096),
    },
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_everything_at_its_longest_fits(end: dict[str, object]) -> None:
    """Even where each field is as long as its bound allows, something can be cut."""
    wait = WaitStatus(id=CALL, name="w" * 128, slot=2**53, question="?" * 4096, since=NOW)
    longest: dict[str, object] = {
        "image": "i" * 512,
        "pod_name": "p" * 63,
        "journal": JournalRef(uri="u" * 512, head=2**53),
        "waiting_for": "w" * 256,
        "conditions": _conditions("c" * 1024),
    }
    cut = status.bounded(_full((wait,)).model_copy(update={**longest, **end}))
    assert status.size(cut) <= status.BUDGET
    assert [one.reason for one in cut.conditions] == [Reason.RUNNING] * 4


TEXT = st.text(max_size=600)
WAITS = st.lists(
    st.builds(
        WaitStatus,
        id=st.from_regex(r"[a-z_][A-Za-z0-9_.-]{0,120}", fullmatch=True),
        name=st.from_regex(r"[a-z_][A-Za-z0-9_.-]{0,120}", fullmatch=True),
        slot=st.integers(0, 2**40),
        question=st.none() | TEXT,
        schema_=st.none() | st.dictionaries(TEXT, TEXT, max_size=4),
        since=st.just(NOW),
    ),
    max_size=8,
    unique_by=lambda one: one.id,
)


@hypothesis.given(WAITS, TEXT, TEXT, st.none() | TEXT)
def test_any_status_fits(waits: list[WaitStatus], message: str, failure: str, result: str | None) -> None:
    """Whatever the texts are, escapes included, the budget holds, and cutting again changes nothing."""
    given = _full(tuple(waits)).model_copy(
        update={
            "result": result,
            "failure": FailureStatus(origin=FailureOrigin.UNKNOWN, message=failure),
            "conditions": _conditions(message),
        }
    )
    cut = status.bounded(given)
    assert status.size(cut) <= status.BUDGET
    assert status.bounded(cut) == cut
    ExecutionStatus.model_validate(write(cut))


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        pytest.param("short", 5, "short", id="fits"),
        pytest.param("longer", 5, "lo…", id="cut"),
        pytest.param("äöü", 6, "äöü", id="two bytes each"),
        pytest.param("äöüß", 7, "äö…", id="never within a character"),
        pytest.param('""""', 7, '""…', id="a quote is stored as two bytes"),
        pytest.param("<<<", 15, "<<…", id="an angle bracket is stored as six bytes"),
    ],
)
def test_texts_are_cut_by_their_stored_bytes(text: str, limit: int, expected: str) -> None:
    """A limit counts bytes as they stand in the stored JSON."""
    assert status.cut(text, limit) == expected


def _open(number: int, schema: str | None = None, question: str | None = None) -> OpenWait:
    return OpenWait(id=f"wait_{number}", name="wait", slot=number, since=NOW, schema=schema, question=question)


def test_open_waits_become_the_status() -> None:
    """The oldest eight are shown, with question, schema and deadline."""
    head = Head(waits=tuple(_open(number, '{"type": "boolean"}', "May it?") for number in range(10)))
    shown = status.waits(head)
    assert [one.id for one in shown] == [f"wait_{number}" for number in range(8)]
    assert shown[0].schema_ == {"type": "boolean"}
    assert shown[0].question == "May it?"
    assert status.waits(Head(waits=(_open(1),)))[0].question is None


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param("true", id="not an object"),
        pytest.param("{", id="no JSON"),
        pytest.param(f'{{"maximum": {2**63}}}', id="beyond 64 bits"),
        pytest.param(f'{{"anyOf": [{{"minimum": {-(2**63) - 1}}}]}}', id="beyond 64 bits inside"),
    ],
)
def test_a_schema_that_the_api_server_cannot_keep_is_left_out(schema: str) -> None:
    """The journal has it; the status does without."""
    assert status.waits(Head(waits=(_open(1, schema),)))[0].schema_ is None


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(0, None, id="none"),
        pytest.param(1, "wait_0", id="one"),
        pytest.param(3, "wait_0, wait_1, wait_2", id="some"),
    ],
)
def test_open_waits_in_one_line(count: int, expected: str | None) -> None:
    """People read which waits are open."""
    assert status.waiting_for(Head(waits=tuple(_open(number) for number in range(count)))) == expected


def test_many_open_waits_in_one_line_are_counted() -> None:
    """A line has room for some, and says how many more there are."""
    line = status.waiting_for(Head(waits=tuple(_open(number) for number in range(100))))
    assert line is not None
    assert len(line) <= 256
    shown, rest = line.split(" and ")
    assert len(shown.split(", ")) + int(rest.removesuffix(" more")) == 100


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(
            Value(codec="json", type="dict", size=9, sha256="", data={"a": "ä"}), '{"a": "ä"}', id="inline JSON"
        ),
        pytest.param(Value(codec="json", type="NoneType", size=4, sha256=""), "null", id="null"),
        pytest.param(
            Value(codec="json", type="list", size=70000, sha256="", artifact="a1"), "<list, 70000 bytes>", id="large"
        ),
        pytest.param(
            Value(codec="pickle", type="app.Model", size=80, sha256="", data="gAU="),
            "<app.Model, 80 bytes>",
            id="pickle",
        ),
    ],
)
def test_a_result_is_shown_as_text(value: Value, expected: str) -> None:
    """Small JSON is shown as it is, the rest by its type and size."""
    assert status.preview(value) == expected
