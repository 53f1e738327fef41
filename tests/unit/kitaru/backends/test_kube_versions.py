"""What a KitaruFlow's resource tells of its versions and tags."""

from datetime import UTC, datetime
from typing import Final

import pytest

from kitaru.backends import kube_versions
from kitaru.core.resources.flow import FlowSpec, FlowStatus, FlowVersion, KitaruFlow
from kitaru.core.resources.model import Metadata
from kitaru.errors import KitaruFeatureNotAvailableError, KitaruStateError, KitaruUsageError

MADE: Final = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMA: Final = {"type": "object"}


def _flow(*versions: int, name: str = "research-agent", **tags: int) -> KitaruFlow:
    listed = tuple(
        FlowVersion(
            version=number, image=f"i:{number}", deployment_id=f"d{number}", commit="0a1b", dirty=False, created_at=MADE
        )
        for number in versions
    )
    return KitaruFlow(
        metadata=Metadata(name=name, generation=3),
        spec=FlowSpec(entrypoint="agents:research_agent", image="i:3", input_schema=SCHEMA, tags=tags),
        status=FlowStatus(
            observed_generation=3, latest_version=max(versions, default=None), versions=listed, tags=tags
        ),
    )


def test_versions_come_newest_first_with_their_tags() -> None:
    """Each tells its tags, its commit, and the newest its schema; the flow's name is its function's."""
    newest, oldest = kube_versions.all_of(_flow(1, 3, stable=1, beta=1))
    assert (newest.flow, newest.version, newest.deployment, newest.image) == ("research_agent", 3, "d3", "i:3")
    assert (newest.tags, oldest.tags) == ({"default": True}, {"beta": True, "stable": True})
    assert (newest.schema, oldest.schema) == (SCHEMA, None)
    assert (oldest.commit, oldest.dirty) == ("0a1b", False)
    assert kube_versions.all_of(_flow(1, name="other"))[0].flow == "other"


@pytest.mark.parametrize(
    ("number", "tag", "chosen"),
    [
        pytest.param(1, None, 1, id="number"),
        pytest.param(None, "stable", 1, id="tag"),
        pytest.param(None, None, 3, id="newest"),
        pytest.param(2, None, "no version 2", id="no-such-number"),
        pytest.param(None, "old", "no tag 'old'", id="no-such-tag"),
    ],
)
def test_a_version_is_chosen(number: int | None, tag: str | None, chosen: int | str) -> None:
    """By number, by tag, else the default, which is the newest until it is pinned; what is not there is named (F6)."""
    flow = _flow(1, 3, stable=1)
    if isinstance(chosen, int):
        assert kube_versions.choose(flow, "research_agent", number, tag).version == chosen
    else:
        with pytest.raises(LookupError, match=chosen):
            kube_versions.choose(flow, "research_agent", number, tag)


def test_a_pinned_default_counts() -> None:
    """Once `default` is put on a version, newer ones do not take it."""
    flow = _flow(1, 3, default=1)
    assert kube_versions.choose(flow, "research_agent", None, None).version == 1
    assert kube_versions.tags_of(flow, 3) == {}
    with pytest.raises(LookupError, match="no deployed flow"):
        kube_versions.choose(_flow(), "research_agent", None, None)


def test_a_tag_names_one_version() -> None:
    """A shared tag is fine where no other version has it, and else refused with the remedy."""
    flow = _flow(1, 3, stable=1)
    kube_versions.check_tag(flow, "f", 1, "stable", exclusive=False)
    kube_versions.check_tag(flow, "f", 3, "stable", exclusive=True)
    kube_versions.check_tag(flow, "f", 3, "new", exclusive=False)
    with pytest.raises(KitaruFeatureNotAvailableError, match="exclusive=True"):
        kube_versions.check_tag(flow, "f", 3, "stable", exclusive=False)
    with pytest.raises(KitaruFeatureNotAvailableError, match="exclusive=True"):
        kube_versions.check_new_tags(flow, "f", {"stable": False}, publish=True)
    with pytest.raises(LookupError, match="no version 2"):
        kube_versions.check_tag(flow, "f", 2, "stable", exclusive=True)


def test_a_tag_is_taken_off_its_version_only() -> None:
    """`default` stays, and a tag that is elsewhere is a LookupError."""
    flow = _flow(1, 3, stable=1)
    kube_versions.check_untag(flow, "f", 1, "stable")
    with pytest.raises(LookupError, match="does not have the tag 'stable'"):
        kube_versions.check_untag(flow, "f", 3, "stable")
    with pytest.raises(KitaruUsageError, match="cannot be removed"):
        kube_versions.check_untag(flow, "f", 3, "default")


def test_versions_are_the_operators_to_remove() -> None:
    """A tagged version is in use; another one is left to the operator, as the message says."""
    flow = _flow(1, 2, 3, stable=1)
    assert isinstance(kube_versions.refuse_delete(flow, "f", 1), KitaruStateError)
    assert isinstance(kube_versions.refuse_delete(flow, "f", 3), KitaruStateError)
    assert isinstance(kube_versions.refuse_delete(flow, "f", 2), KitaruFeatureNotAvailableError)


def test_the_first_version_is_the_default() -> None:
    """Nothing else can be had of a resource whose newest version is the default."""
    with pytest.raises(KitaruFeatureNotAvailableError, match="publish_default_on_first_deploy"):
        kube_versions.check_new_tags(None, "f", {}, publish=False)
    kube_versions.check_new_tags(None, "f", {"default": True}, publish=False)
    kube_versions.check_new_tags(_flow(1), "f", {}, publish=False)
