"""How a version of a flow is chosen, by number or by tag, and what is said when it cannot be, on every stack."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeGuard

from kitaru.core import keywords
from kitaru.core.tagged import UserValue
from kitaru.errors import KitaruUsageError

#: The tag that is meant where neither version nor tag is given. It is always exclusive and never taken away.
DEFAULT: Final = "default"
#: As the resource KitaruFlow has it.
_TAG: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?")
_TAG_LENGTH: Final = 63
_LISTED: Final = 10


def check_tag(tag: UserValue) -> str:
    """Return the tag without the blanks around it. Raises `KitaruUsageError` when it is none."""
    keywords.check_type("A deployment", "tag", tag, (str,))
    name = str("" if tag is None else tag).strip()
    if len(name) > _TAG_LENGTH or _TAG.fullmatch(name) is None:
        message = (
            f"tag is {tag!r}: a tag has letters, digits, '-', '_' and '.', begins and ends with a letter or digit, and "
            f"is at most {_TAG_LENGTH} characters long."
        )
        raise KitaruUsageError(message)
    return name


def check_tags(tags: Mapping[str, bool] | Iterable[str]) -> dict[str, bool]:
    """Return tags by name with whether each is exclusive; those that are only named are, and so is `default`.

    Raises `KitaruUsageError` for what is no tag, and for a text, each letter of which would be one.
    """
    if isinstance(tags, str):
        message = (
            f"tags is the text {tags!r}: give a list of tags, or a mapping from tags to whether they are exclusive."
        )
        raise KitaruUsageError(message)
    named = tags if _is_mapping(tags) else dict.fromkeys(tags, True)
    checked: dict[str, bool] = {}
    for tag, exclusive in named.items():
        name = check_tag(tag)
        keywords.check_type("A deployment", f"tags[{name!r}]", exclusive, (bool,))
        checked[name] = bool(exclusive) or name == DEFAULT
    return checked


def check_version(version: UserValue) -> int:
    """Return the number of a version. Raises `KitaruUsageError` when it is none."""
    keywords.check_type("A deployment", "version", version, (int,))
    if version is None or version < 1:
        message = f"version is {version}: versions are numbered from 1."
        raise KitaruUsageError(message)
    return int(version)


def check_flow(flow: UserValue) -> str:
    """Return a flow's name without the blanks around it. Raises `KitaruUsageError` when it is empty."""
    keywords.check_type("A deployment", "flow", flow, (str,))
    name = str("" if flow is None else flow).strip()
    if not name:
        message = "flow is empty: give the name of a deployed flow."
        raise KitaruUsageError(message)
    return name


def check_selector(version: UserValue, tag: UserValue) -> tuple[int | None, str | None]:
    """Return version and tag, at most one of which may be given. Raises `KitaruUsageError`."""
    if version is not None and tag is not None:
        message = "version and tag are both given: name one of them."
        raise KitaruUsageError(message)
    number = None if version is None else check_version(version)
    return number, None if tag is None else check_tag(tag)


def check_removable(tag: str) -> None:
    """Raise `KitaruUsageError` for the tag `default`."""
    if tag == DEFAULT:
        message = "The tag 'default' cannot be removed: put it on another version."
        raise KitaruUsageError(message)


def undeployed(flow: str) -> str:
    """Say that a flow has no versions."""
    return f"There is no deployed flow {flow!r}: deploy it first."


def unknown_version(flow: str, number: int, known: Iterable[int]) -> str:
    """Say that a flow has no such version."""
    return f"flow {flow!r} has no version {number}: it has {_names(sorted(known))}."


def unknown_tag(flow: str, tag: str, known: Iterable[str]) -> str:
    """Say that a flow has no such tag."""
    return f"flow {flow!r} has no tag {tag!r}: it has {_names(sorted(known))}."


def no_default(flow: str, known: Iterable[int]) -> str:
    """Say that none of a flow's versions is the default."""
    return (
        f"flow {flow!r} has versions ({_names(sorted(known))}) and none with the tag 'default': choose one by version= "
        "or tag=, or put the tag on one."
    )


def untagged(flow: str, number: int, tag: str, known: Iterable[str]) -> str:
    """Say that a version does not have a tag."""
    return f"Version {number} of flow {flow!r} does not have the tag {tag!r}: it has {_names(sorted(known))}."


def held(flow: str, number: int, tag: str) -> str:
    """Say that a version cannot be deleted."""
    return f"Version {number} of flow {flow!r} has the exclusive tag {tag!r}: move the tag to another version first."


def _is_mapping(tags: Mapping[str, bool] | Iterable[str]) -> TypeGuard[Mapping[str, bool]]:
    return isinstance(tags, Mapping)


def _names(known: list[int] | list[str]) -> str:
    if len(known) > _LISTED:
        known = known[-_LISTED:]
        return f"{', '.join(str(one) for one in known)} and others"
    return ", ".join(str(one) for one in known) or "none"
