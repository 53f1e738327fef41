"""Exceptions as data and back."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import pydantic
import pytest

from kitaru.backends.memory import EPOCH
from kitaru.core import encoding, failures, journal
from kitaru.core.failures import Releases
from kitaru.core.journal import Failure
from kitaru.errors import FailureOrigin, KitaruUserCodeError


class OddError(Exception):
    """Takes what an exception's constructor usually does not, and computes its message."""

    def __init__(self, code: int, *, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code


class SilentError(Exception):
    """Never calls its base's constructor, and holds what cannot be kept."""

    def __init__(self, code: int) -> None:
        self.lock = threading.Lock()
        self.doubled = code * 2


class SlottedError(Exception):
    """Keeps an attribute in a slot."""

    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class MuteError(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


@dataclass(frozen=True)
class FrozenError(Exception):
    """Refuses to be changed."""

    code: int


def back(error: BaseException) -> BaseException:
    """Describe the error, write it down, read it and rebuild it."""
    failed = journal.Failed(failure=failures.describe(error), at=EPOCH)
    slot = journal.Slot(epoch=1, writer="w", id="s", records=(failed,))
    read = encoding.decode_slot(encoding.encode_slot(slot)).records[0]
    assert isinstance(read, journal.Failed)
    return failures.rebuild(read.failure)


ERRORS = [
    ValueError("x", 2),
    KeyError("k"),
    FileNotFoundError(2, "no such file", "f.txt"),
    UnicodeDecodeError("utf-8", b"ab", 0, 1, "bad"),
    ImportError("gone", name="module"),
    StopIteration(4),
    SystemExit(3),
    OddError(1, reason="odd"),
    SlottedError(7),
    FrozenError(3),
    json.JSONDecodeError("bad", "doc", 1),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda one: type(one).__name__)
def test_exception_comes_back(error: BaseException) -> None:
    """Class, message and attributes are as they were, and no odd constructor was called."""
    rebuilt = back(error)
    assert type(rebuilt) is type(error)
    assert str(rebuilt) == str(error)
    for name in ("code", "errno", "filename", "name", "value", "pos", "reason"):
        assert getattr(rebuilt, name, None) == getattr(error, name, None)


def test_what_cannot_be_kept_is_left_out() -> None:
    """An attribute like a lock does not cost the rest, and never comes back as something else."""
    rebuilt = back(SilentError(5))
    assert isinstance(rebuilt, SilentError)
    assert rebuilt.args == (5,)
    assert rebuilt.doubled == 10
    assert not hasattr(rebuilt, "lock")


def test_attributes_keep_their_types() -> None:
    """What is large comes back as it was, is cut if it is a string, and is else left out."""
    error = OddError(1, reason="odd")
    keep = vars(error)
    keep["numbers"] = list(range(5000))
    keep["page"] = "x" * 1_000_000
    keep["more"] = list(range(50_000))
    rebuilt = vars(back(error))
    assert rebuilt["numbers"] == list(range(5000))
    assert rebuilt["page"].endswith("x… (cut)")
    assert "more" not in rebuilt


def test_exception_of_an_extension_module() -> None:
    """A class that Python's own constructors cannot make is kept pickled, unless that is not allowed."""
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(int).validate_python("x")
    rebuilt = back(caught.value)
    assert isinstance(rebuilt, pydantic.ValidationError)
    assert rebuilt.errors() == caught.value.errors()
    failure = failures.describe(caught.value)
    refused = failures.rebuild(failure, allow_pickle=False)
    assert isinstance(refused, KitaruUserCodeError)
    assert "validation error for int" in str(refused)


def test_exception_that_cannot_speak() -> None:
    """Neither str nor repr work, and still it is described."""
    assert isinstance(back(MuteError(MuteError())), MuteError)


def test_class_that_cannot_be_found() -> None:
    """It becomes KitaruUserCodeError, which names it."""

    class LocalError(Exception):
        pass

    rebuilt = back(LocalError("what happened"))
    assert isinstance(rebuilt, KitaruUserCodeError)
    assert "LocalError: what happened" in str(rebuilt)
    assert rebuilt.failure_origin is FailureOrigin.USER_CODE


@pytest.mark.parametrize("name", ["nowhere.to.be.Found", "json.loads", "int", "Nothing"])
def test_name_that_is_no_exception(name: str) -> None:
    """Whatever the journal names, what comes back is an exception."""
    rebuilt = failures.rebuild(Failure(type=name, message="what happened"))
    assert isinstance(rebuilt, KitaruUserCodeError)


def test_pickled_arguments_are_left_out_when_told() -> None:
    """A client that must not unpickle gets the name and the message."""
    failure = failures.describe(ValueError(3 + 4j))
    rebuilt = failures.rebuild(failure, allow_pickle=False)
    assert isinstance(rebuilt, KitaruUserCodeError)
    assert "(3+4j)" in str(rebuilt)
    assert failures.rebuild(failure).args == (3 + 4j,)


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    """Return the error after it was raised."""
    with pytest.raises(type(error)) as caught:
        raise error from cause
    return caught.value


def members(error: BaseException) -> Sequence[BaseException]:
    """Return the members of a group."""
    return getattr(error, "exceptions", ())


def test_chain_comes_back() -> None:
    """Cause, context and the members of a group are as they were."""
    member = raised(OddError(2, reason="second"), ValueError("first"))
    group = raised(BaseExceptionGroup("both", [member, KeyError("third")]))
    group.__context__ = member
    rebuilt = back(group)
    assert type(rebuilt).__name__ == "ExceptionGroup"
    assert [str(one) for one in members(rebuilt)] == ["2: second", "'third'"]
    for one in (members(rebuilt)[0], rebuilt.__context__):
        assert isinstance(one, OddError)
        assert repr(one.__cause__) == "ValueError('first')"
        assert one.__suppress_context__


def test_endless_chain_is_cut() -> None:
    """A thousand causes, or a circle of them, are described in bounded time and space."""
    first = error = ValueError(0)
    for number in range(1000):
        error.__cause__ = ValueError(number)
        error = error.__cause__
    error.__cause__ = first
    rebuilt: BaseException | None = back(first)
    count = 0
    while rebuilt is not None:
        count += 1
        rebuilt = rebuilt.__cause__
    assert count == 32


def test_long_message_is_cut() -> None:
    """A huge exception costs a few dozen KiB at most."""
    failure = failures.describe(ValueError("x" * 1_000_000))
    assert len(failure.message) == 4096
    assert (
        len(
            encoding.encode_slot(
                journal.Slot(epoch=1, writer="w", id="s", records=(journal.Failed(failure=failure, at=EPOCH),))
            )
        )
        < 100_000
    )


def test_marks_survive() -> None:
    """The call, the wait and the origin are kept beside the exception, not in its attributes."""
    error = ValueError("x")
    failures.mark(error, call="fetch", origin=FailureOrigin.BACKEND)
    failure = failures.describe(error)
    assert (failure.call, failure.wait, failure.origin) == ("fetch", None, FailureOrigin.BACKEND)
    assert failure.attributes is None
    assert failures.describe(failures.rebuild(failure)).call == "fetch"


CALL = Failure(type="ValueError", message="", call="a")
WAIT = Failure(type="kitaru.errors.KitaruWaitExpiredError", message="", wait="w")
PLAIN = Failure(type="ValueError", message="")


@pytest.mark.parametrize(
    ("failure", "calls", "waits"),
    [
        pytest.param(CALL, ["a"], [], id="the call itself"),
        pytest.param(WAIT, [], ["w"], id="the wait itself"),
        pytest.param(Failure(type="X", message="", cause=CALL), ["a"], [], id="cause"),
        pytest.param(Failure(type="X", message="", context=CALL), ["a"], [], id="context"),
        pytest.param(Failure(type="X", message="", group=(PLAIN, CALL)), ["a"], [], id="group"),
        pytest.param(PLAIN, ["a", "b"], ["w"], id="none in the chain: all"),
        pytest.param(Failure(type="X", message="", call="old"), ["a", "b"], ["w"], id="not failed now"),
    ],
)
def test_releases(failure: Failure, calls: list[str], waits: list[str]) -> None:
    """A retry runs the failed calls of the exception's chain again, else all failed calls."""
    assert failures.releases(failure, ["a", "b"], ["w"]) == Releases(calls=tuple(calls), waits=tuple(waits))


def test_traceback_is_the_users() -> None:
    """It has the frames of user code, and the causes."""
    text = failures.describe(raised(OddError(2, reason="second"), ValueError("first"))).traceback
    assert text.startswith("ValueError: first")
    assert "in raised" in text
    assert text.endswith("OddError: 2: second\n")
