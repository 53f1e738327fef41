"""Which values a resource holds."""

import math

import pytest
from pydantic import JsonValue

from kitaru.backends import kube_inline
from kitaru.errors import KitaruUsageError


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="null"),
        pytest.param({"a": [1, 2.5, True, None, "é"]}, id="nested"),
        pytest.param([2**63 - 1, -(2**63)], id="int64"),
        pytest.param("x" * (16 * 1024 - 2), id="full"),
    ],
)
def test_what_fits_is_let_through(value: JsonValue) -> None:
    """JSON of 64-bit integers, finite floats and at most 16 KiB is taken."""
    kube_inline.check("value", value)
    assert kube_inline.fits("value", value)


@pytest.mark.parametrize("value", [pytest.param(2**63, id="integer"), pytest.param("x" * 16_384, id="large")])
def test_what_a_resource_cannot_hold_goes_by_reference(value: JsonValue) -> None:
    """Large integers and large values are JSON all the same."""
    assert not kube_inline.fits("value", value)


def test_what_no_json_holds_goes_nowhere() -> None:
    """NaN and infinity are refused by the path of the number, in a resource or not."""
    with pytest.raises(KitaruUsageError, match=r"value\.n is nan"):
        kube_inline.fits("value", {"n": math.nan, "text": "x" * 20_000})


@pytest.mark.parametrize(
    ("value", "named"),
    [
        pytest.param({"n": [0, 2**63]}, r"value\.n\[1\] is an integer beyond 64 bits", id="integer"),
        pytest.param({"n": math.inf}, r"value\.n is inf", id="infinite"),
        pytest.param(math.nan, "value is nan", id="nan"),
        pytest.param({"a": "x" * 16_384, "b": 1}, r"value: 16\d+ bytes of JSON, most of them in value\.a", id="large"),
        pytest.param("é" * 8_192, "value: 16386 bytes", id="bytes-not-characters"),
    ],
)
def test_what_does_not_fit_is_named(value: JsonValue, named: str) -> None:
    """The path of the value at fault is in the message."""
    with pytest.raises(KitaruUsageError, match=named):
        kube_inline.check("value", value)
