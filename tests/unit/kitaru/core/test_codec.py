"""The codec of records against pydantic's own."""

import dataclasses
import typing
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import pydantic
import pytest
from pydantic import JsonValue

from kitaru.core import journal
from kitaru.core.codec import Codec, Hint
from kitaru.core.head import Head, OpenWait, State
from kitaru.core.journal import Claim, Decision, Failure, Reused, Saved, Slot, Value
from kitaru.core.segments import Segment
from kitaru.core.spec import Spec
from kitaru.errors import FailureOrigin, KitaruSerializationError

NOW: Final = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
THERE: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
JSON: Final[JsonValue] = {"é": [1, -2.5, 1e300, True, None, "\ud7ff\n"], "": {}, "big": 2**70}
VALUE: Final = Value(codec="json", type="dict", size=7, sha256="0" * 64, data=JSON, artifact="a", python="3.11")
INNER: Final = Failure(type="a.B", message="inner", origin=FailureOrigin.BACKEND)
FAILURE: Final = Failure(
    type="a.B",
    message="outer",
    traceback="…",
    call="c",
    wait="w",
    arguments=VALUE,
    attributes=VALUE,
    cause=INNER,
    context=dataclasses.replace(INNER, cause=INNER),
    suppress_context=True,
    group=(INNER, INNER),
)
#: A value for each annotation that a record's field has.
SAMPLES: Final[dict[Hint, Hint]] = {
    str: "text",
    int: 3,
    float: 2.5,
    bool: True,
    datetime: NOW,
    Value: VALUE,
    Failure: FAILURE,
    Reused | None: Reused(how="cache", execution="x", call="c"),
    str | None: "text",
    int | None: 3,
    tuple[str, ...] | None: ("a", "b"),
    datetime | None: THERE,
    Value | None: VALUE,
    tuple[str, ...]: ("a", "b"),
    tuple[Saved, ...]: (Saved(name="n", kind="k", value=VALUE, tags=("t",)),),
    JsonValue: JSON,
}
HEAD: Final = Head(
    next=9,
    state=State.PARKED,
    waits=(OpenWait(id="w", name="w", slot=1, since=NOW, deadline=THERE),),
    result=VALUE,
    failure=FAILURE,
)


def _sample(kind: type, *, full: bool) -> Hint:
    hints = typing.get_type_hints(kind)
    given = {
        field.name: SAMPLES.get(hints[field.name], JSON)
        for field in dataclasses.fields(kind)
        if field.name != "kind" and (full or field.default is field.default_factory is dataclasses.MISSING)
    }
    return kind(**given)


def _slots() -> Iterator[Slot]:
    records = typing.get_args(journal.Record)
    for full in (True, False):
        made = tuple(_sample(kind, full=full) for kind in records)
        yield Slot(epoch=1, writer="w", id="w-1", records=made)


def _cases() -> Iterator[Hint]:
    for number, slot in enumerate(_slots()):
        yield pytest.param(Slot, slot, id=f"slot-{number}")
        yield pytest.param(Segment, Segment(head=HEAD, slots=(slot, slot)), id=f"segment-{number}")
    yield pytest.param(Claim, Claim(writer="w"), id="claim")
    for kind in (journal.Answer, journal.Abort, journal.Expiry):
        yield pytest.param(Decision, _sample(kind, full=True), id=kind.__name__.lower())
    spec = Spec(namespace="n", name="x", uid="u", flow="f", entrypoint="a:f", created_at=THERE, inputs={"a": JSON})
    yield pytest.param(Spec, spec, id="spec")


@pytest.mark.parametrize(("hint", "value"), list(_cases()))
def test_it_writes_and_reads_what_pydantic_does(hint: Hint, value: Hint) -> None:
    """The bytes are those of pydantic's adapter, and both read the same value from them."""
    codec, adapter = Codec[Hint](hint), pydantic.TypeAdapter[Hint](hint)
    body = codec.encode(value)
    assert body == adapter.dump_json(value)
    assert codec.decode(body) == adapter.validate_json(body) == value


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'{"epoch": 1}', id="missing"),
        pytest.param(b'{"epoch": "x", "writer": "w", "id": "i", "records": []}', id="type"),
        pytest.param(b'{"epoch": 1, "writer": "w", "id": "i", "records": [{"kind": "new"}]}', id="kind"),
        pytest.param(b'{"epoch": 1, "writer": "w", "id": "i", "records": [{}]}', id="no-kind"),
    ],
)
def test_it_refuses_what_pydantic_does(body: bytes) -> None:
    """What is no slot is pydantic's ValidationError."""
    with pytest.raises(pydantic.ValidationError):
        pydantic.TypeAdapter(Slot).validate_json(body)
    with pytest.raises(pydantic.ValidationError):
        Codec[Slot](Slot).decode(body)


def test_a_field_that_is_not_known_is_skipped() -> None:
    """A record that a newer Kitaru added a field to is read without it."""
    assert Codec[Claim](Claim).decode(b'{"writer": "w", "later": [1]}') == Claim(writer="w")


def test_an_annotation_that_no_record_has_is_refused() -> None:
    """A field of another type is refused when the codec is made, not when it is used."""
    with pytest.raises(TypeError, match="set"):
        Codec[object](set[str])


@pytest.mark.parametrize("name", [3, b"x", "\ud800"], ids=["int", "bytes", "surrogate"])
def test_a_value_of_another_type_is_not_written(name: Hint) -> None:
    """What could never be read again is refused when it is written."""
    with pytest.raises(KitaruSerializationError, match="Claim cannot be written"):
        Codec[Claim](Claim).encode(Claim(writer=name))
