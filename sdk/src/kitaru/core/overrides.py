"""What a replay is asked to do otherwise: given outputs and answers, by selector and then by id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from kitaru.core import classes, images, selectors
from kitaru.core.matching import EntryT
from kitaru.core.recordings import Recorded, Recording
from kitaru.core.selectors import Named
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruUsageError

_CHECKPOINT: Final = "checkpoint."
_WAIT: Final = "wait."
_OUTPUT: Final = "output"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Given outputs by a selector of a call, and given answers by a selector of a wait."""

    calls: Mapping[str, UserValue]
    waits: Mapping[str, UserValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The call to replay from, given outputs by call id, and given answers by wait id."""

    from_: str
    calls: Mapping[str, UserValue]
    waits: Mapping[str, UserValue]


def collect(
    overrides: Mapping[str, UserValue] | None,
    checkpoint_overrides: Mapping[str, UserValue] | None,
    wait_overrides: Mapping[str, UserValue] | None,
) -> Overrides:
    """Return what three spellings say.

    They are `overrides={"checkpoint.research": value, "wait.approve": value}`,
    `checkpoint_overrides={"research": {"output": value}}` and `wait_overrides={"approve": value}`.
    Raises `KitaruUsageError` for a key of another form, and for one that is given twice.
    """
    calls: dict[str, UserValue] = {}
    waits: dict[str, UserValue] = {}
    for key, value in _mapping("overrides", overrides).items():
        if key.startswith(_CHECKPOINT):
            _put(calls, "overrides", key.removeprefix(_CHECKPOINT), value)
        elif key.startswith(_WAIT):
            _put(waits, "overrides", key.removeprefix(_WAIT), value)
        else:
            message = f"overrides: {key!r} is no key: write 'checkpoint.<name or id>' or 'wait.<name or id>'."
            raise KitaruUsageError(message)
    for key, value in _mapping("checkpoint_overrides", checkpoint_overrides).items():
        _put(calls, "checkpoint_overrides", key, _output(key, value))
    for key, value in _mapping("wait_overrides", wait_overrides).items():
        _put(waits, "wait_overrides", key, value)
    return Overrides(calls=calls, waits=waits)


def choose(recording: Recording, from_: UserValue, overrides: Overrides) -> Chosen:
    """Return what the selectors mean in a recording.

    Raises `KitaruStateError` with the candidates for a selector that means none or several, and `KitaruUsageError` for
    an empty one and for two that mean the same.
    """
    if not isinstance(from_, str):
        message = f"from_={from_!r} is no selector: give a checkpoint's name, or a call's id."
        raise KitaruUsageError(message)
    calls = [_named(one) for one in recording.calls.values()]
    waits = [_named(one) for one in recording.waits.values()]
    return Chosen(
        from_=selectors.select("call", from_, calls),
        calls=_by_id(overrides.calls, lambda one: selectors.select("call", one, calls)),
        waits=_by_id(overrides.waits, lambda one: selectors.select("wait", one, waits)),
    )


def _by_id(given: Mapping[str, UserValue], select: Callable[[str], str]) -> dict[str, UserValue]:
    found: dict[str, UserValue] = {}
    for selector, value in given.items():
        _put(found, "overrides", select(selector), value)
    return found


def _named(one: Recorded[EntryT]) -> Named:
    return Named(one.id, one.entry.place.name)


def _put(into: dict[str, UserValue], what: str, key: str, value: UserValue) -> None:
    if key in into:
        message = f"{what}: {key!r} is overridden twice: give it once."
        raise KitaruUsageError(message)
    into[key] = value


def _mapping(what: str, given: UserValue) -> Mapping[str, UserValue]:
    if given is None:
        return {}
    if not images.is_mapping(given) or not all(classes.of(key) is str for key in given):
        message = f"{what} must be a mapping from selectors to values, and is {classes.title_of(classes.of(given))}."
        raise KitaruUsageError(message)
    return given


def _output(key: str, given: UserValue) -> UserValue:
    found = _mapping(f"checkpoint_overrides[{key!r}]", given)
    if given is None or set(found) != {_OUTPUT}:
        message = f"checkpoint_overrides[{key!r}] must be {{'output': value}}: the output that replaces its own."
        raise KitaruUsageError(message)
    return found[_OUTPUT]
