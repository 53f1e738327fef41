"""A flow's versions and tags: the table of selectors, and laws over any sequence of changes."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitaru.core import routes, versions
from kitaru.core.spec import Bundle, Launch
from kitaru.core.versions import Change, Record, Version, Versions
from kitaru.errors import JournalFormatError, KitaruStateError, KitaruUsageError

RECORDED: Final = Path(__file__).parents[3] / "golden" / "versions" / "v1" / "digest.jsonl"
NOW: Final = datetime(2026, 1, 2, tzinfo=UTC)
DRAFT: Final = Version(
    flow="report",
    number=0,
    deployment="d",
    entrypoint="reports:report",
    bundle=Bundle(sha256="0" * 64, file="reports.py", paths=(".",), interpreter="python"),
    created_at=NOW,
    launch=Launch(interpreter="python", folder="/", paths=()),
    inputs={"topic": "tea"},
    schema={"type": "object"},
)


def _deployed(*tags: Mapping[str, bool], publish: bool = True) -> Versions:
    found = Versions(flow="report")
    for one in tags:
        found = versions.after(found, versions.made(found, DRAFT, one, publish=publish))
    return found


def test_the_first_version_is_the_default() -> None:
    """The first deploy gets the tag `default`, a later one only when it is named (F15)."""
    found = _deployed({}, {"stable": True})
    assert (found.tags_of(1), found.tags_of(2)) == ({"default": True}, {"stable": True})
    found = _deployed({}, {"default": True})
    assert (found.tags_of(1), found.tags_of(2)) == ({}, {"default": True})
    assert _deployed({}, publish=False).tags == {}


@pytest.mark.parametrize(
    ("number", "tag", "chosen"),
    [
        pytest.param(2, None, 2, id="number"),
        pytest.param(None, "stable", 3, id="tag"),
        pytest.param(None, None, 1, id="neither"),
        pytest.param(9, None, LookupError, id="no-such-number"),
        pytest.param(None, "old", LookupError, id="no-such-tag"),
        pytest.param(None, "both", KitaruStateError, id="ambiguous-tag"),
    ],
)
def test_a_version_is_chosen(number: int | None, tag: str | None, chosen: int | type[Exception]) -> None:
    """By its number, by its tag, else by `default`; a tag of several versions chooses none (F6)."""
    found = _deployed({}, {"both": False}, {"both": False, "stable": True})
    if isinstance(chosen, int):
        assert versions.choose(found, number, tag).number == chosen
    else:
        with pytest.raises(chosen, match=r"9|old|both"):
            versions.choose(found, number, tag)


def test_a_flow_without_versions_or_default_says_which() -> None:
    """No versions is a LookupError, versions without a default a KitaruStateError."""
    with pytest.raises(LookupError, match="no deployed flow 'report'"):
        versions.choose(Versions(flow="report"), None, None)
    with pytest.raises(KitaruStateError, match="none with the tag 'default'"):
        versions.choose(_deployed({}, publish=False), None, None)


def test_an_exclusive_tag_moves() -> None:
    """An exclusive tag leaves the version that had it, and `default` is exclusive whatever is said."""
    found = _deployed({"stable": True}, {})
    found = versions.after(found, versions.tagged(found, 2, "stable", exclusive=True))
    found = versions.after(found, versions.tagged(found, 2, "default", exclusive=False))
    assert (found.tags_of(1), found.tags_of(2)) == ({}, {"default": True, "stable": True})


def test_a_shared_tag_takes_no_route_away() -> None:
    """A tag that a version has to itself is not shared by accident: the message says how to move it."""
    found = _deployed({"stable": True}, {})
    with pytest.raises(KitaruStateError, match="exclusive=True"):
        versions.tagged(found, 2, "stable", exclusive=False)
    with pytest.raises(KitaruStateError, match="exclusive=True"):
        versions.made(found, DRAFT, {"stable": False}, publish=True)


REFUSED: Final[Mapping[str, tuple[Callable[[Versions], Record], type[Exception], str]]] = {
    "delete-default": (lambda found: versions.deleted(found, 1), KitaruStateError, "'default'"),
    "delete-unknown": (lambda found: versions.deleted(found, 7), LookupError, "no version 7"),
    "untag-default": (lambda found: versions.untagged(found, 1, "default"), KitaruUsageError, "cannot be removed"),
    "untag-none": (lambda found: versions.untagged(found, 1, "old"), LookupError, "does not have the tag"),
    "tag-unknown": (lambda found: versions.tagged(found, 7, "old", exclusive=True), LookupError, "no version 7"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_break_a_route_is_refused(name: str) -> None:
    """A version with an exclusive tag stays, `default` stays, and unknown versions and tags are named."""
    ask, error, said = REFUSED[name]
    with pytest.raises(error, match=said):
        ask(_deployed({}, {}))


def test_numbers_are_not_used_again() -> None:
    """A version that comes after a deleted one has a number of its own."""
    found = _deployed({}, {"old": False})
    found = versions.after(found, versions.deleted(found, 2))
    assert (sorted(found.known), found.tags_of(2)) == ([1], {})
    assert versions.made(found, DRAFT, {}, publish=True).version.number == 3


def test_a_change_is_read_as_it_was_written() -> None:
    """Each kind of change comes back; one of a newer Kitaru, or a damaged one, is refused by a sentence."""
    first = _deployed({"old": False})
    records: list[Record] = [
        versions.made(first, DRAFT, {"stable": True}, publish=True),
        versions.tagged(first, 1, "x", exclusive=False),
        versions.untagged(first, 1, "old"),
        versions.Deleted(version=1),
    ]
    for record in records:
        change = Change(record=record, at=NOW, by="somebody")
        assert versions.decode(versions.encode(change)) == change
    newer = versions.encode(Change(record=records[-1], at=NOW, format=2))
    for body in (newer, b"{}"):
        with pytest.raises(JournalFormatError, match="at least as new"):
            versions.decode(body)


def test_recorded_changes_are_read_for_ever() -> None:
    """What the first format wrote still amounts to the same versions and tags."""
    recorded = [versions.decode(line.encode()) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    found = versions.fold("digest", recorded)
    assert {number: found.tags_of(number) for number in found.known} == {1: {}, 2: {"default": True, "stable": True}}
    assert (found.last, found.changes) == (3, 7)
    second = found.known[2]
    assert (second.bundle.sha256, second.bundle.paths) == ("b" * 64, ("src", "."))
    assert (second.launch.module, second.commit, second.inputs) == ("agents.digest", "0a1b", {"topic": "tea"})


ACTS: Final = st.one_of(
    st.tuples(st.just("made"), st.integers(1, 4), st.sampled_from(["a", "b", "default"]), st.booleans()),
    st.tuples(st.just("tagged"), st.integers(1, 4), st.sampled_from(["a", "b", "default"]), st.booleans()),
    st.tuples(st.just("untagged"), st.integers(1, 4), st.sampled_from(["a", "b", "default"]), st.booleans()),
    st.tuples(st.just("deleted"), st.integers(1, 4), st.just("a"), st.booleans()),
)


def _decide(found: Versions, act: tuple[str, int, str, bool]) -> Record:
    verb, number, tag, exclusive = act
    match verb:
        case "made":
            return versions.made(found, DRAFT, {tag: exclusive or tag == "default"}, publish=True)
        case "tagged":
            return versions.tagged(found, number, tag, exclusive=exclusive)
        case "untagged":
            return versions.untagged(found, number, tag)
        case _:
            return versions.deleted(found, number)


@given(st.lists(ACTS, max_size=12))
def test_tags_stay_sound(acts: list[tuple[str, int, str, bool]]) -> None:
    """Whatever is done: an exclusive tag is on one version, tags name versions that exist, numbers only grow."""
    found = Versions(flow="report")
    for act in acts:
        before = found
        with suppress(LookupError, KitaruStateError, KitaruUsageError):
            found = versions.after(found, _decide(found, act))
        assert found.last >= before.last
        for tag in found.tags.values():
            assert tag.versions
            assert tag.versions <= found.known.keys()
            assert len(tag.versions) == 1 or not tag.exclusive
        if "default" in before.tags:
            assert found.tags["default"].exclusive


@pytest.mark.parametrize(
    ("version", "tag", "said"),
    [
        pytest.param(1, "stable", "both given", id="both"),
        pytest.param(0, None, "numbered from 1", id="zero"),
        pytest.param(True, None, "version=True", id="bool"),
        pytest.param("1", None, "whole number", id="text"),
        pytest.param(None, " ", "a tag has letters", id="blank"),
        pytest.param(None, "-a", "a tag has letters", id="dash"),
    ],
)
def test_a_selector_is_a_number_or_a_tag(version: object, tag: object, said: str) -> None:
    """Anything else is refused before anything is looked up."""
    with pytest.raises(KitaruUsageError, match=said):
        routes.check_selector(version, tag)


def test_tags_are_a_list_or_a_mapping() -> None:
    """Named tags are exclusive, a mapping says which are, and blanks around a name do not count."""
    assert routes.check_tags([" stable "]) == {"stable": True}
    assert routes.check_tags({"beta": False, "default": False}) == {"beta": False, "default": True}
    with pytest.raises(KitaruUsageError, match="is the text 'stable'"):
        routes.check_tags("stable")
