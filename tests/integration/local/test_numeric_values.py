"""Arrays, frames and whatever else has to be pickled go through checkpoints, journals and processes unchanged."""

from typing import Final

import pytest

from kitaru.client import KitaruClient
from kitaru.errors import KitaruSerializationError
from tests.integration.local.programs import Place

FLOWS: Final = """
import datetime
import decimal
import numpy as np
import pandas as pd
import kitaru

class Tool:
    def __init__(self, name):
        self.name = name
    def __eq__(self, other):
        return type(other) is Tool and other.name == self.name
    __hash__ = None

VALUES = {
    "array": np.arange(6, dtype="float32").reshape(2, 3),
    "fortran": np.asfortranarray(np.eye(3)),
    "strings": np.array(["a", "bb"]),
    "objects": np.array([{"a": 1}, None], dtype=object),
    "structured": np.array([(1, 2.0)], dtype=[("x", "i4"), ("y", "f8")]),
    "times": np.array(["2026-01-01", "NaT"], dtype="datetime64[ns]"),
    "float64": np.float64(0.1),
    "int8": np.int8(-3),
    "nan": np.float32("nan"),
    "frame": pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.to_datetime(["2026-01-01", "2026-01-02"], utc=True)}),
    "indexed": pd.DataFrame(np.eye(2), index=pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]), columns=["x", "y"]),
    "series": pd.Series([decimal.Decimal("1.10"), None], name="price"),
    "categories": pd.Series(["a", "b", "a"], dtype="category"),
    "timestamp": pd.Timestamp("2026-01-01", tz="Europe/Berlin"),
    "timedelta": pd.Timedelta(days=1),
    "inside": {"frames": [pd.DataFrame({"a": [1]})], "when": datetime.date(2026, 1, 1)},
    "tool": Tool("hammer"),
}
LARGE = pd.DataFrame(np.random.default_rng(1).normal(size=(20_000, 5)), columns=list("abcde"))

def same(one, other):
    if type(one) is not type(other):
        return False
    match one:
        case pd.DataFrame():
            pd.testing.assert_frame_equal(one, other)
            return True
        case pd.Series():
            pd.testing.assert_series_equal(one, other)
            return True
        case np.ndarray():
            np.testing.assert_array_equal(one, other)
            return one.dtype == other.dtype
        case dict():
            return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
        case list():
            return len(one) == len(other) and all(map(same, one, other))
        case np.floating() if np.isnan(one):
            return bool(np.isnan(other))
        case _:
            return bool(one == other)

@kitaru.checkpoint(cache=False)
def echo(value):
    return value

@kitaru.checkpoint(cache=False)
def fail():
    raise ValueError("once more")

@kitaru.flow
def all_of_them(retried: bool = False) -> list[str]:
    return [name for name, value in {**VALUES, "large": LARGE}.items() if not same(echo(value, id=name), value)]

@kitaru.flow
def interrupted():
    return [echo(LARGE), fail()]
"""


def test_they_come_back_as_they_were(place: Place) -> None:
    """Each value has its type, its dtype and its content after its checkpoint; so it has for a later process."""
    place.has(FLOWS)
    printed = place.run(
        "import flows; handle = flows.all_of_them.run(); print(handle.wait()); print(handle.exec_id)"
    ).splitlines()
    assert printed[0] == "[]"
    later = """
import sys, flows, kitaru
artifacts = kitaru.KitaruClient().artifacts.list(sys.argv[1])
values = {**flows.VALUES, "large": flows.LARGE}
loaded = {one.producing_call: one.load(allow_pickle=True) for one in artifacts}
print([call for call, value in loaded.items() if not flows.same(value, values[call])])
print(len(artifacts) == len(values))
"""
    assert place.run(later, printed[1]).splitlines() == ["[]", "True"]


def test_a_call_with_a_frame_is_found_again(place: Place, client: KitaruClient) -> None:
    """After a failure the call whose argument is a frame is reused: equal content is the same input."""
    place.has(FLOWS)
    start = """
import flows, kitaru
handle = flows.interrupted.run(retries=2)
try:
    handle.wait()
except kitaru.KitaruExecutionError:
    print(handle.exec_id)
"""
    exec_id = place.run(start)
    echo, _ = client.executions.get(exec_id).checkpoints
    assert len(echo.attempts) == 1


def test_whoever_must_not_unpickle_is_told(place: Place, client: KitaruClient) -> None:
    """A process that only looks gets an error with the type and the way."""
    place.has(FLOWS)
    exec_id = place.run(
        "import flows, kitaru\nhandle = flows.interrupted.run()\ntry: handle.wait()\n"
        "except kitaru.KitaruExecutionError: print(handle.exec_id)"
    )
    (frame,) = client.artifacts.list(exec_id, name="echo")
    with pytest.raises(KitaruSerializationError, match=r"DataFrame is pickled.*allow_pickle=True"):
        frame.load()
