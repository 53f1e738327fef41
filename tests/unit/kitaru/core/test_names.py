"""Names and ids: what is allowed, and what follows from what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitaru.core import names
from kitaru.errors import KitaruUsageError


@pytest.mark.parametrize("name", ["a", "_", "research", "Write_draft.v2-final", "x" * 128])
def test_a_name_that_is_allowed_comes_back(name: str) -> None:
    """Letters, digits, `_`, `.` and `-` after a letter or underscore, up to 128 characters."""
    assert names.check_name("checkpoint", name) == name


@pytest.mark.parametrize("name", ["", "2nd", "a b", "a/b", "ä", "-a", ".a", "a\n", "x" * 129])
def test_a_name_that_is_not_allowed_is_refused_by_what_it_names(name: str) -> None:
    """The message says what kind of name it is, the name, and the rule."""
    with pytest.raises(KitaruUsageError, match=r"wait name .* is not allowed: use a letter"):
        names.check_name("wait", name)


def test_the_same_name_again_is_numbered_from_two() -> None:
    """`research`, `research_2`, `research_3`."""
    assert [names.numbered("research", number) for number in (1, 2, 3)] == ["research", "research_2", "research_3"]


@pytest.mark.parametrize(
    ("flow", "resource"), [("research_agent", "research-agent"), ("a", "a"), ("v2_flow", "v2-flow")]
)
def test_a_flow_names_a_resource(flow: str, resource: str) -> None:
    """Underscores become dashes."""
    assert names.resource_name(flow) == resource


@pytest.mark.parametrize("flow", ["Research", "_private", "ends_", "a.b", "x" * 64])
def test_a_flow_that_cannot_name_a_resource_is_refused(flow: str) -> None:
    """Kubernetes would refuse it later, with a worse message."""
    with pytest.raises(KitaruUsageError, match=r"flow name .* cannot name a Kubernetes resource"):
        names.resource_name(flow)


@given(
    execution=st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", fullmatch=True),
    attempt=st.integers(min_value=1, max_value=99_999),
)
def test_a_pod_name_is_a_label_and_holds_its_number(execution: str, attempt: int) -> None:
    """It fits a label value's 63 characters, whatever the execution is called, and ends with the attempt."""
    name = names.pod_name(execution, "0b3c9a4e-uid", attempt)
    assert len(name) <= 63
    assert name.endswith(f"-{attempt}")


def test_pods_of_two_executions_never_share_a_name() -> None:
    """Names that agree in their first forty characters are told apart by the uid."""
    long = "a" * 60
    assert names.pod_name(long + "x", "uid-1", 1) != names.pod_name(long + "y", "uid-2", 1)
