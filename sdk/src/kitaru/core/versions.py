"""The versions of a flow on the local stack: a log of changes, and what they amount to.

Each change is one object, written once under the next number, so that of two processes that change a flow at once
one comes first and the other decides anew. A version, its number and its tags so appear together, and a tag that
moves is never on two versions or on none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias, assert_never

import pydantic
from pydantic import JsonValue

from kitaru.core import routes
from kitaru.core.codec import Codec
from kitaru.core.routes import DEFAULT
from kitaru.core.spec import Bundle, Launch
from kitaru.errors import JournalFormatError, KitaruStateError

FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One immutable version. `number` counts a flow's deploys from 1; numbers of deleted versions are not used again.

    `deployment` is an id of its own; `inputs` are the defaults of the inputs that `schema`, a JSON Schema, describes;
    `commit` is the source's, if it is known, and `dirty` whether the source differed from it. `launch` is how the
    process was started that deployed, with the folders outside the project in which it looked for modules. `source` is
    the hash of the flow's code, as in the spec of an execution, and `settings` what was resolved for it.
    """

    flow: str
    number: int
    deployment: str
    entrypoint: str
    bundle: Bundle
    created_at: datetime
    launch: Launch
    inputs: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    schema: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    commit: str | None = None
    dirty: bool | None = None
    source: str | None = None
    settings: Mapping[str, JsonValue] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A deploy: a version, and the tags that it has from its beginning, each with whether it is exclusive."""

    version: Version
    tags: Mapping[str, bool]
    kind: Literal["made"] = "made"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """A tag was put on a version; an exclusive one left all others."""

    version: int
    tag: str
    exclusive: bool
    kind: Literal["tagged"] = "tagged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Untagged:
    """A tag was taken off a version."""

    version: int
    tag: str
    kind: Literal["untagged"] = "untagged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """A version can be chosen no more; executions of it go on."""

    version: int
    kind: Literal["deleted"] = "deleted"


Record: TypeAlias = Made | Tagged | Untagged | Deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One object of the log: what was changed, when, and by whom."""

    record: Annotated[Record, pydantic.Field(discriminator="kind")]
    at: datetime
    by: str = ""
    format: int = FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """Which versions carry a tag: one, if it is exclusive, else at least one."""

    exclusive: bool
    versions: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """A flow's versions by number, and its tags, after `changes` changes. `last` is the highest number ever given."""

    flow: str
    known: Mapping[int, Version] = field(default_factory=dict[int, Version])
    tags: Mapping[str, Tag] = field(default_factory=dict[str, Tag])
    last: int = 0
    changes: int = 0

    def tags_of(self, number: int) -> dict[str, bool]:
        """Return the tags of a version, each with whether it is exclusive."""
        return {name: tag.exclusive for name, tag in sorted(self.tags.items()) if number in tag.versions}


_CHANGE: Final = Codec[Change](Change)


def encode(change: Change) -> bytes:
    """Return the change as JSON, every field written out."""
    return _CHANGE.encode(change)


def decode(body: bytes) -> Change:
    """Return the change that `body` holds. Raises `JournalFormatError` when this version cannot read it."""
    try:
        change = _CHANGE.decode(body)
    except pydantic.ValidationError as error:
        raise _unreadable() from error
    if change.format > FORMAT:
        raise _unreadable()
    return change


def fold(flow: str, changes: Iterable[Change]) -> Versions:
    """Return what the changes of a flow, from its first on, amount to."""
    versions = Versions(flow=flow)
    for change in changes:
        versions = after(versions, change.record)
    return versions


def after(versions: Versions, record: Record) -> Versions:
    """Return what holds after one more change."""
    versions = replace(versions, changes=versions.changes + 1)
    match record:
        case Made(version=version, tags=tags):
            known = {**versions.known, version.number: version}
            versions = replace(versions, known=known, last=max(versions.last, version.number))
            for tag, exclusive in tags.items():
                versions = _tagged(versions, version.number, tag, exclusive=exclusive)
            return versions
        case Tagged(version=number, tag=tag, exclusive=exclusive):
            return _tagged(versions, number, tag, exclusive=exclusive)
        case Untagged(version=number, tag=tag):
            return _untagged(versions, number, tag)
        case Deleted(version=number):
            for tag in versions.tags_of(number):
                versions = _untagged(versions, number, tag)
            return replace(versions, known={key: one for key, one in versions.known.items() if key != number})
        case _:
            assert_never(record)


def made(versions: Versions, draft: Version, tags: Mapping[str, bool], *, publish: bool) -> Made:
    """Return a deploy of `draft` under the next number.

    `publish` gives the tag `default` to a flow's first version. Raises `KitaruStateError` for a shared tag that
    another version has to itself.
    """
    number = versions.last + 1
    wanted = {**tags, DEFAULT: True} if publish and not versions.known else tags
    for tag, exclusive in wanted.items():
        _check_free(versions, number, tag, exclusive=exclusive)
    return Made(version=replace(draft, number=number), tags=wanted)


def tagged(versions: Versions, number: int, tag: str, *, exclusive: bool) -> Tagged:
    """Return the change that puts a tag on a version.

    Raises `LookupError` for an unknown version, `KitaruStateError` for a shared tag that another has to itself.
    """
    _find(versions, number)
    exclusive = exclusive or tag == DEFAULT
    _check_free(versions, number, tag, exclusive=exclusive)
    return Tagged(version=number, tag=tag, exclusive=exclusive)


def untagged(versions: Versions, number: int, tag: str) -> Untagged:
    """Return the change that takes a tag off a version.

    Raises `LookupError` when it does not have the tag, `KitaruUsageError` for `default`, which can only be moved.
    """
    routes.check_removable(tag)
    _find(versions, number)
    if tag not in versions.tags_of(number):
        raise LookupError(routes.untagged(versions.flow, number, tag, versions.tags_of(number)))
    return Untagged(version=number, tag=tag)


def deleted(versions: Versions, number: int) -> Deleted:
    """Return the change that deletes a version.

    Raises `LookupError` for an unknown version, `KitaruStateError` while an exclusive tag is on it.
    """
    _find(versions, number)
    held = [tag for tag, exclusive in versions.tags_of(number).items() if exclusive]
    if held:
        raise KitaruStateError(routes.held(versions.flow, number, held[0]))
    return Deleted(version=number)


def choose(versions: Versions, number: int | None, tag: str | None) -> Version:
    """Return the version of this number, or with this tag, else with the tag `default`.

    Raises `LookupError` when there is none, `KitaruStateError` when several have the tag, or when the flow has
    versions and none is the default.
    """
    if number is not None:
        return _find(versions, number)
    if not versions.known:
        raise LookupError(routes.undeployed(versions.flow))
    wanted = versions.tags.get(DEFAULT if tag is None else tag)
    if wanted is None:
        if tag in {None, DEFAULT}:
            raise KitaruStateError(routes.no_default(versions.flow, versions.known))
        raise LookupError(routes.unknown_tag(versions.flow, str(tag), versions.tags))
    if len(wanted.versions) > 1:
        several = ", ".join(str(one) for one in sorted(wanted.versions))
        message = f"Several versions of flow {versions.flow!r} have the tag {tag!r} ({several}): choose by version=."
        raise KitaruStateError(message)
    return versions.known[min(wanted.versions)]


def _find(versions: Versions, number: int) -> Version:
    if not versions.known:
        raise LookupError(routes.undeployed(versions.flow))
    if number not in versions.known:
        raise LookupError(routes.unknown_version(versions.flow, number, versions.known))
    return versions.known[number]


def _check_free(versions: Versions, number: int, tag: str, *, exclusive: bool) -> None:
    held = versions.tags.get(tag)
    if exclusive or held is None or not held.exclusive or held.versions == frozenset({number}):
        return
    message = (
        f"Version {min(held.versions)} of flow {versions.flow!r} has the tag {tag!r} to itself: pass exclusive=True to "
        "move it."
    )
    raise KitaruStateError(message)


def _tagged(versions: Versions, number: int, tag: str, *, exclusive: bool) -> Versions:
    held = versions.tags.get(tag)
    others: frozenset[int] = frozenset() if exclusive or held is None else held.versions
    return replace(versions, tags={**versions.tags, tag: Tag(exclusive=exclusive, versions=others | {number})})


def _untagged(versions: Versions, number: int, tag: str) -> Versions:
    held = versions.tags.get(tag)
    rest = {name: one for name, one in versions.tags.items() if name != tag}
    if held is not None and held.versions - {number}:
        rest[tag] = replace(held, versions=held.versions - {number})
    return replace(versions, tags=rest)


def _unreadable() -> JournalFormatError:
    message = (
        "A deployed version cannot be read by this Kitaru: use one at least as new as the one that deployed it, or "
        "restore the folder from a backup."
    )
    return JournalFormatError(message)
