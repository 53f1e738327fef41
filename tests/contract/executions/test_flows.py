"""What every stack does with versions of flows and their tags."""

import itertools
from collections.abc import Callable, Mapping
from typing import Final

import pytest

from kitaru.core.phases import Phase
from kitaru.errors import KitaruStateError, KitaruUsageError
from kitaru.ports import Flows, Start
from tests.contract.executions.conftest import Subject

NUMBERS: Final = itertools.count(1)
UNKNOWN: Final[Mapping[str, Callable[[Flows], object]]] = {
    "get": lambda flows: flows.get("nobody"),
    "tag": lambda flows: flows.tag("nobody", 1, "stable", exclusive=True),
    "untag": lambda flows: flows.untag("nobody", 1, "stable"),
    "delete": lambda flows: flows.delete("nobody", 1),
}


@pytest.fixture
def flow() -> str:
    """Give the name of a flow that nobody has deployed."""
    return f"contract_of_{next(NUMBERS)}"


def test_each_deploy_is_a_version(subject: Subject, flow: str) -> None:
    """Versions count from 1, each deploy makes one, and the newest is listed first (F15)."""
    made = [subject.deploy(flow), subject.deploy(flow)]
    assert [one.version for one in made] == [1, 2]
    listed = subject.flows.list(flow)
    assert [(one.flow, one.version, one.deployment) for one in listed] == [
        (flow, 2, made[1].deployment),
        (flow, 1, made[0].deployment),
    ]
    assert {one.deployment for one in made} <= {one.deployment for one in subject.flows.list()}
    assert subject.flows.list("nobody") == []


def test_the_first_version_is_the_default(subject: Subject, flow: str) -> None:
    """It stays so when later ones come, until the tag is put on one of them (F5, F15)."""
    assert subject.deploy(flow).tags == {"default": True}
    assert subject.deploy(flow).tags == {}
    assert subject.flows.get(flow).version == 1
    assert subject.deploy(flow, default=True).tags == {"default": True}
    assert (subject.flows.get(flow).version, subject.flows.get(flow, 1).tags) == (3, {})


def test_a_version_is_chosen_by_number_or_tag(subject: Subject, flow: str) -> None:
    """What does not exist is a LookupError that names it (F6)."""
    subject.deploy(flow)
    subject.deploy(flow, stable=True)
    assert subject.flows.get(flow, 1).version == 1
    assert subject.flows.get(flow, tag="stable").version == 2
    with pytest.raises(LookupError, match="version 9"):
        subject.flows.get(flow, 9)
    with pytest.raises(LookupError, match="'old'"):
        subject.flows.get(flow, tag="old")


@pytest.mark.parametrize("verb", UNKNOWN)
def test_an_unknown_flow_is_a_lookup_error(subject: Subject, verb: str) -> None:
    """Whatever is asked of it, the error names the flow."""
    with pytest.raises(LookupError, match="'nobody'"):
        UNKNOWN[verb](subject.flows)


def test_an_exclusive_tag_moves_and_goes(subject: Subject, flow: str) -> None:
    """It is on one version at a time, and `default` can be moved but not taken away."""
    subject.deploy(flow, stable=True)
    subject.deploy(flow)
    assert subject.flows.tag(flow, 2, "stable", exclusive=True).tags == {"stable": True}
    assert subject.flows.get(flow, 1).tags == {"default": True}
    assert subject.flows.untag(flow, 2, "stable").tags == {}
    with pytest.raises(LookupError, match="does not have the tag"):
        subject.flows.untag(flow, 2, "stable")
    with pytest.raises(KitaruUsageError, match="cannot be removed"):
        subject.flows.untag(flow, 1, "default")


def test_a_routed_version_is_not_deleted(subject: Subject, flow: str) -> None:
    """While an exclusive tag names it, a version stays."""
    subject.deploy(flow)
    with pytest.raises(KitaruStateError, match="'default'"):
        subject.flows.delete(flow, 1)
    assert subject.flows.get(flow, 1).version == 1


def test_an_execution_has_the_versions_defaults(subject: Subject) -> None:
    """Inputs that are not given come from the version that is started (F20)."""
    version = subject.deploy("contract_echo").version
    exec_id = subject.executions.start(Start(flow="contract_echo", inputs={}, version=version))
    subject.await_phase(exec_id, Phase.COMPLETED)
    assert subject.executions.locate(exec_id).version == version
