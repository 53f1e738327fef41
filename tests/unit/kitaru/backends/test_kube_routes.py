"""Which version an invocation may ask for."""

import pytest
from pydantic import JsonValue

from kitaru.backends import kube_routes
from kitaru.core.resources import model
from kitaru.core.resources.flow import Deployment, KitaruFlow
from kitaru.errors import KitaruUsageError
from kitaru.ports import Start


def _flow(versions: range, *, generation: int = 1) -> KitaruFlow:
    return model.read(
        KitaruFlow,
        {
            "metadata": {"name": "agent", "generation": generation},
            "spec": {"entrypoint": "agents:agent", "image": "agents:1"},
            "status": {
                "observedGeneration": 1,
                "tags": {"stable": 1},
                "versions": [
                    {"version": one, "image": "agents:1", "createdAt": "2026-01-02T03:04:05Z"} for one in versions
                ],
            },
        },
    )


@pytest.mark.parametrize(
    ("version", "tag"),
    [
        pytest.param(None, None, id="default"),
        pytest.param(2, None, id="version"),
        pytest.param(None, "stable", id="tag"),
        pytest.param(None, "default", id="default-tag"),
    ],
)
def test_what_exists_is_taken(version: int | None, tag: str | None) -> None:
    """A listed version, a resolved tag and the default are started."""
    kube_routes.check(_flow(range(1, 4)), Start(flow="agent", inputs={}, version=version, tag=tag))


@pytest.mark.parametrize(
    ("version", "tag", "named"),
    [
        pytest.param(9, None, "no version 9: it has 1, 2, 3", id="version"),
        pytest.param(None, "beta", "no tag 'beta': it has default, stable", id="tag"),
    ],
)
def test_what_does_not_exist_is_named_with_what_does(version: int | None, tag: str | None, named: str) -> None:
    """The error names what was asked for and what there is."""
    with pytest.raises(LookupError, match=named):
        kube_routes.check(_flow(range(1, 4)), Start(flow="agent", inputs={}, version=version, tag=tag))


def test_version_and_tag_together_are_refused() -> None:
    """Both at once are a wrong use."""
    with pytest.raises(KitaruUsageError, match="version and tag"):
        kube_routes.check(_flow(range(1, 4)), Start(flow="agent", inputs={}, version=1, tag="stable"))


def test_what_the_status_cannot_tell_is_left_to_the_operator() -> None:
    """A flow whose last change was not looked at, and a version that is too old to be listed, are asked for."""
    kube_routes.check(_flow(range(1, 4), generation=2), Start(flow="agent", inputs={}, version=4))
    kube_routes.check(_flow(range(10, 60)), Start(flow="agent", inputs={}, version=3))


def _typed(deployed: str) -> KitaruFlow:
    flow = _flow(range(1, 4))
    status = flow.status.model_copy(update={"latest_version": 3})
    schema = {"type": "object", "properties": {"topic": {"type": "string"}}, "additionalProperties": False}
    update = {"input_schema": schema, "deployment": Deployment(id="d", entrypoint=deployed, image="agents:1")}
    return flow.model_copy(update={"spec": flow.spec.model_copy(update=update), "status": status})


@pytest.mark.parametrize("version", [None, 3], ids=["default", "newest"])
@pytest.mark.parametrize(
    ("inputs", "named"),
    [pytest.param({"bogus": 1}, "bogus", id="unknown"), pytest.param({"topic": 1}, "inputs.topic", id="type")],
)
def test_inputs_that_do_not_fit_the_newest_version_are_refused(
    version: int | None, inputs: dict[str, JsonValue], named: str
) -> None:
    """By name, before anything is created."""
    with pytest.raises(KitaruUsageError, match=named):
        kube_routes.check(_typed("agents:agent"), Start(flow="agent", inputs=inputs, version=version))


@pytest.mark.parametrize(
    ("deployed", "version"),
    [pytest.param("agents:agent", 2, id="older version"), pytest.param("agents:other", 3, id="another entrypoint")],
)
def test_a_signature_that_speaks_of_other_code_refuses_nothing(deployed: str, version: int) -> None:
    """The operator knows the older version's; of what `kubectl apply` made of a deployed flow, nobody has one."""
    kube_routes.check(_typed(deployed), Start(flow="agent", inputs={"bogus": 1}, version=version))
