"""Values by reference: known by their bytes, bounded, and never taken for another."""

import hashlib

import hypothesis.strategies as st
import pytest
from hypothesis import given
from pydantic import JsonValue

from kitaru.core import blobs
from kitaru.core.resources.model import BLOB_LIMIT, BlobRef
from kitaru.errors import KitaruUsageError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("aé€"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=5,
)


@given(JSON)
def test_what_is_left_is_found(value: JsonValue) -> None:
    """Any JSON survives, integers of any size too."""
    ref, body = blobs.encode("value", value)
    assert blobs.decode(ref, body) == value
    assert ref.size == len(body)


@pytest.mark.parametrize(
    ("ref", "body", "named"),
    [
        pytest.param(BlobRef(sha256="0" * 64, size=1), b"1", "other bytes", id="another digest"),
        pytest.param(blobs.encode("value", 12)[0], b"123", "other bytes", id="another size"),
    ],
)
def test_other_bytes_are_refused(ref: BlobRef, body: bytes, named: str) -> None:
    """A blob that does not match its name is nobody's value."""
    with pytest.raises(KitaruUsageError, match=named):
        blobs.decode(ref, body)


def test_bytes_that_are_no_json_are_refused() -> None:
    """The name fits, the content does not."""
    body = b"{"
    ref = BlobRef(sha256=hashlib.sha256(body).hexdigest(), size=len(body))
    with pytest.raises(KitaruUsageError, match="is not JSON"):
        blobs.decode(ref, body)


def test_what_is_too_large_is_refused_by_name() -> None:
    """The operator holds such values in memory, so they are bounded."""
    with pytest.raises(KitaruUsageError, match=r"^inputs: \d+ bytes of JSON, and at most 4194304"):
        blobs.encode("inputs", "x" * BLOB_LIMIT)
