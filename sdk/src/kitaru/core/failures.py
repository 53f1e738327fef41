"""Exceptions as data, and back.

An exception is kept so that a later attempt can raise it again: a body that caught it takes the
same branch. It is rebuilt without calling its own constructor, whose arguments nobody knows; one
that cannot be rebuilt so, such as an exception of an extension module, is kept pickled.
"""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from kitaru.core import classes, plain, values
from kitaru.core.capture import Capture
from kitaru.core.journal import Failure, Value
from kitaru.core.tagged import UserValue
from kitaru.errors import FailureOrigin, KitaruUserCodeError

#: Exceptions in one chain, over all its causes, contexts and groups.
_LONGEST_CHAIN: Final = 32
_MESSAGE: Final = 4 * 1024
_TRACEBACK: Final = 16 * 1024
#: Bytes of the arguments and attributes of one chain.
_ROOM: Final = 64 * 1024
_CUT: Final = "… (cut)"
_REPR: Final = 500
_CALL: Final = "__kitaru_call__"
_WAIT: Final = "__kitaru_wait__"
_ORIGIN: Final = "__kitaru_origin__"
_MARKS: Final = frozenset({_CALL, _WAIT, _ORIGIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Releases:
    """What a retry does again: the failed calls it runs, the expired waits it asks, by id."""

    calls: tuple[str, ...]
    waits: tuple[str, ...]


def mark(
    error: BaseException,
    *,
    call: str | None = None,
    wait: str | None = None,
    origin: FailureOrigin | None = None,
) -> None:
    """Remember on the exception which call raised it, which wait expired, where it was seen."""
    for name, value in ((_CALL, call), (_WAIT, wait), (_ORIGIN, origin)):
        if value is not None:
            BaseException.__setattr__(error, name, value)


def describe(error: BaseException, origin: FailureOrigin = FailureOrigin.USER_CODE) -> Failure:
    """Return the exception and what it is chained to.

    The arguments and attributes of the whole chain are kept up to 64 KiB, a message up to 4 KiB, a traceback up to
    16 KiB. A string that does not fit is cut, with a mark; another attribute that does not fit, or cannot be kept at
    all, is left out; such an argument is replaced by its repr, since the message is made of it.
    `origin` is where it was seen, unless it was marked with another one before.
    """
    return _Describer(origin).describe(error, text=_traceback(error))


def rebuild(failure: Failure, *, allow_pickle: bool = True) -> BaseException:
    """Return an exception like the one that was described, chained like it.

    A class that cannot be found here becomes `KitaruUserCodeError`, which names it.
    """
    error = _instance(failure, allow_pickle=allow_pickle)
    # Past a `__setattr__` of its own: that of a frozen dataclass refuses.
    keep = partial(BaseException.__setattr__, error)
    if failure.cause is not None:
        keep("__cause__", rebuild(failure.cause, allow_pickle=allow_pickle))
    if failure.context is not None:
        keep("__context__", rebuild(failure.context, allow_pickle=allow_pickle))
    keep("__suppress_context__", failure.suppress_context)
    mark(error, call=failure.call, wait=failure.wait, origin=failure.origin)
    return error


def releases(failure: Failure, failed: Sequence[str], expired: Sequence[str], answered: Sequence[str] = ()) -> Releases:
    """Return what a retry after `failure` does again.

    Those of the `failed` calls and `expired` waits that the exception is chained to, else all. And those of the
    `answered` waits that it is chained to: their answers did not fit.
    """
    chain = list(_chain(failure))
    calls = {one.call for one in chain}
    waits = {one.wait for one in chain}
    found = Releases(
        calls=tuple(one for one in failed if one in calls),
        waits=tuple(one for one in (*expired, *answered) if one in waits),
    )
    if found.calls or found.waits:
        return found
    return Releases(calls=tuple(failed), waits=tuple(expired))


def _chain(failure: Failure) -> Iterator[Failure]:
    yield failure
    for one in (failure.cause, failure.context, *failure.group):
        if one is not None:
            yield from _chain(one)


class _Describer:
    """Walks one chain: never round in a circle, and not for ever."""

    def __init__(self, origin: FailureOrigin) -> None:
        self._origin = origin
        self._open: set[int] = set()
        self._left = _LONGEST_CHAIN
        self._room = _ROOM

    def describe(self, error: BaseException, text: str = "") -> Failure:
        self._left -= 1
        self._open.add(id(error))
        arguments, attributes = _parts(error)
        context = None if error.__context__ is error.__cause__ else error.__context__
        failure = Failure(
            type=classes.title_of(type(error)),
            message=_message(error),
            traceback=text,
            origin=getattr(error, _ORIGIN, self._origin),
            call=getattr(error, _CALL, None),
            wait=getattr(error, _WAIT, None),
            arguments=_encoded([self._argument(one) for one in arguments]),
            attributes=_encoded(self._attributes(attributes)),
            group=self._group(error),
            cause=self._linked(error.__cause__),
            context=self._linked(context),
            suppress_context=error.__suppress_context__,
        )
        self._open.remove(id(error))
        return failure if _comes_back(failure, error) else dataclasses.replace(failure, arguments=self._pickled(error))

    def _argument(self, value: UserValue) -> UserValue:
        kept = self._part(value)
        return _speech(value) if kept is None else kept[0]

    def _attributes(self, values: dict[str, UserValue]) -> dict[str, UserValue]:
        kept = {name: self._part(one) for name, one in values.items()}
        return {name: one[0] for name, one in kept.items() if one is not None}

    def _part(self, value: UserValue) -> tuple[UserValue] | None:
        """Return what is kept of a value, None when nothing is."""
        if type(value) is str and len(value) > self._room - len(_CUT):
            value = value[: max(0, self._room - len(_CUT))] + _CUT
        with Capture(Exception):
            # Some objects can be pickled, and only then turn out not to come back.
            encoded = values.encode(value, "exception")
            values.decode(encoded.keep(), allow_pickle=True)
            if len(encoded.body) <= self._room or type(value) is str:
                self._room = max(0, self._room - len(encoded.body))
                return (value,)
        return None

    def _pickled(self, error: BaseException) -> Value | None:
        """Return the exception itself, in the place of its arguments."""
        if not classes.is_importable(type(error)):
            return None
        with Capture(Exception):
            body = values.pickle(error, "exception")
            kept = values.pickled(classes.title_of(type(error)), body).keep()
            if len(body) <= self._room and type(values.decode(kept, allow_pickle=True)) is type(error):
                self._room -= len(body)
                return kept
        return None

    def _linked(self, error: BaseException | None) -> Failure | None:
        if error is None or id(error) in self._open or self._left <= 0:
            return None
        return self.describe(error)

    def _group(self, error: BaseException) -> tuple[Failure, ...]:
        found = (self._linked(one) for one in _members(error))
        return tuple(one for one in found if one is not None)


def _members(error: BaseException) -> Sequence[BaseException]:
    return getattr(error, "exceptions", ()) if _is_group(type(error)) else ()


def _is_group(kind: type) -> bool:
    return issubclass(kind, BaseExceptionGroup)


def _message(error: BaseException) -> str:
    message = ""
    with Capture(Exception):
        # The class's own __str__ may fail.
        message = str(error)
    return plain.text(message)[:_MESSAGE]


def _traceback(error: BaseException) -> str:
    """Return the traceback as Python prints it, from the user's first frame on; the end counts."""
    trace = error.__traceback__
    while trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith("kitaru."):
        trace = trace.tb_next
    lines: list[str] = []
    with Capture(Exception):
        lines = traceback.format_exception(type(error), error, trace)
    return plain.text("".join(lines))[-_TRACEBACK:]


def _parts(error: BaseException) -> tuple[list[UserValue], dict[str, UserValue]]:
    """Return the arguments and attributes, as far as the built-in base class knows them."""
    reduced: tuple[UserValue, ...] = tuple(_base(type(error)).__reduce__(error))
    # The members of a group are described one by one.
    parts: list[UserValue] = list(reduced[1][:1] if _is_group(type(error)) else reduced[1])
    attributes: dict[str, UserValue] = dict(*reduced[2:])
    for name in _slots(type(error)):
        if hasattr(error, name):
            attributes[name] = getattr(error, name)
    return parts, {name: one for name, one in attributes.items() if name not in _MARKS}


def _slots(kind: type) -> Iterator[str]:
    for one in kind.__mro__:
        slots: str | Sequence[str] = one.__dict__.get("__slots__", ())
        yield from (slots,) if isinstance(slots, str) else slots


def _base(kind: type[BaseException]) -> type[BaseException]:
    """Return the built-in exception that the class is made of."""
    return next(one for one in kind.__mro__ if one.__module__ == "builtins")


def _encoded(value: list[UserValue] | dict[str, UserValue]) -> Value | None:
    return None if value == {} else values.encode(value, "exception").keep()


def _speech(value: UserValue) -> str:
    with Capture(Exception):
        return repr(value)[:_REPR]
    return classes.title_of(classes.of(value))


def _comes_back(failure: Failure, error: BaseException) -> bool:
    return type(_instance(failure, allow_pickle=True)) is type(error)


def _instance(failure: Failure, *, allow_pickle: bool) -> BaseException:
    kind = classes.find_title(failure.type)
    made: BaseException | None = None
    if kind is not None and issubclass(kind, BaseException):
        with Capture(Exception):
            made = _made(kind, failure, allow_pickle=allow_pickle)
    return made or KitaruUserCodeError(
        f"{failure.type}: {failure.message} (this class cannot be rebuilt here)",
        failure_origin=failure.origin,
    )


def _made(kind: type[BaseException], failure: Failure, *, allow_pickle: bool) -> BaseException:
    arguments = _loaded(failure.arguments, [failure.message], allow_pickle=allow_pickle)
    if _is_group(kind):
        members = [rebuild(one, allow_pickle=allow_pickle) for one in failure.group]
        arguments = [*arguments[:1], members]
    error = arguments if isinstance(arguments, kind) else _bare(kind, arguments)
    attributes = _loaded(failure.attributes, {}, allow_pickle=allow_pickle)
    for name, one in attributes.items():
        BaseException.__setattr__(error, name, one)
    return error


def _bare(kind: type[BaseException], arguments: Sequence[UserValue]) -> BaseException:
    """Return an instance that only the built-in base class has set up."""
    base = _base(kind)
    error = base.__new__(kind, *arguments)
    base.__init__(error, *arguments)
    return error


def _loaded(value: Value | None, default: UserValue, *, allow_pickle: bool) -> UserValue:
    return default if value is None else values.decode(value, allow_pickle=allow_pickle)
