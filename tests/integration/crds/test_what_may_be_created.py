"""What the API server takes and refuses when an object is created, and that it names the field."""

import pytest
from pydantic import JsonValue

from kitaru_cluster.cluster import Cluster
from tests.integration.crds import objects
from tests.integration.crds.objects import Object, answer, execution, flow

LONG = "x" * 64
REFUSED = [
    pytest.param(flow(entrypoint=None), "spec.entrypoint: Required value", id="flow without entrypoint"),
    pytest.param(flow(image=None), "spec.image: Required value", id="flow without image"),
    pytest.param(
        flow(entrypoint="agents.research"),
        "spec.entrypoint: Invalid value: entrypoint is module:attribute, such as agents.research:research_agent",
        id="entrypoint without attribute",
    ),
    pytest.param(flow(tags={"-x": 1}), "spec.tags: Invalid value: a tag has letters", id="name of a tag"),
    pytest.param(flow(tags={LONG: 1}), "at most 63 characters long", id="long name of a tag"),
    pytest.param(flow(tags={"stable": 0}), "spec.tags.stable", id="version of a tag"),
    pytest.param(
        flow(runner={"env": [{"name": "KITARU_ATTEMPT", "value": "1"}]}),
        "spec.runner.env[0].name: Invalid value: names that begin with KITARU_ are set by the operator",
        id="the operator's environment variable",
    ),
    pytest.param(
        flow(runner={"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}),
        "spec.runner.env[1]: Duplicate value",
        id="an environment variable twice",
    ),
    pytest.param(
        flow(runner={"env": [{"name": "A", "valueFrom": {}}]}),
        "give exactly one of secretKeyRef, configMapKeyRef and fieldRef",
        id="environment variable from nowhere",
    ),
    pytest.param(
        flow(runner={"env": [{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}),
        "spec.runner.env[0].valueFrom: Invalid value: give value or valueFrom, not both",
        id="environment variable from two places",
    ),
    pytest.param(
        flow(runner={"envFrom": [{"prefix": "A_"}]}),
        "spec.runner.envFrom[0]: Invalid value: give exactly one of configMapRef and secretRef",
        id="environment from nowhere",
    ),
    pytest.param(
        flow(runner={"resources": {"limits": {"memory": "much"}}}),
        "spec.runner.resources.limits.memory",
        id="an amount that is none",
    ),
    pytest.param(flow(entrypont="a:b"), 'unknown field "spec.entrypont"', id="misspelt field"),
    pytest.param(
        objects.made("KitaruFlow", {"entrypoint": "a:b", "image": "i"}, "a.b"),
        "metadata.name of a flow has lower-case letters, digits and '-'",
        id="name of a flow",
    ),
    pytest.param(execution(flow=None), "spec.flow: Required value", id="execution without flow"),
    pytest.param(execution(flow="research_agent"), "spec.flow: Invalid value", id="name of an execution's flow"),
    pytest.param(
        execution(version=1, tag="stable"),
        "spec.tag: Invalid value: give version or tag, not both",
        id="version and tag",
    ),
    pytest.param(execution(version=0), "spec.version: Invalid value", id="version 0"),
    pytest.param(execution(version="1"), "spec.version: Invalid value", id="version as a text"),
    pytest.param(execution(retry=-1), "spec.retry: Invalid value", id="negative retry"),
    pytest.param(execution(inputs=[1]), "spec.inputs: Invalid value", id="inputs as a list"),
    pytest.param(execution(deletionPolicy="Keep"), "spec.deletionPolicy: Unsupported value", id="deletion policy"),
    pytest.param(execution(startDeadlineSeconds=0), "spec.startDeadlineSeconds: Invalid value", id="no time to start"),
    pytest.param(objects.made("KitaruExecution", {}), "spec.flow: Required value", id="empty spec"),
    pytest.param(answer(answeredBy="admin"), "spec.value: Required value", id="neither value nor abort"),
    pytest.param(answer(value=1, abort=True, answeredBy="admin"), "only one schema (oneOf)", id="value and abort"),
    pytest.param(answer(abort=False, answeredBy="admin"), "spec.abort: Unsupported value: false", id="abort: false"),
    pytest.param(answer(value=1, wait="first wait", answeredBy="admin"), "spec.wait: Invalid value", id="wait id"),
    pytest.param(
        objects.made("KitaruAnswer", {"wait": "approve", "value": 1, "answeredBy": "admin"}),
        "spec.execution: Required value",
        id="answer without execution",
    ),
]


@pytest.mark.parametrize(("body", "message"), REFUSED)
def test_a_bad_object_is_refused_by_the_name_of_its_field(
    cluster: Cluster, namespace: str, body: Object, message: str
) -> None:
    """Nothing is stored, and the message says which field is wrong."""
    told = objects.create(cluster, namespace, body)
    assert told is not None
    assert message in told


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(flow(tags={"default": 1, "v1.2_x-y": 3}), id="tags"),
        pytest.param(
            flow(
                runner={
                    "resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"cpu": "500m"}},
                    "env": [
                        {"name": "A", "value": ""},
                        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}},
                    ],
                    "envFrom": [{"configMapRef": {"name": "c"}}, {"secretRef": {"name": "s"}, "prefix": "X_"}],
                    "serviceAccountName": "agents",
                },
                deployment={"id": "d1", "commit": "0" * 40, "dirty": True},
                inputSchema={"type": "object", "properties": {"topic": {"type": "string", "default": None}}},
            ),
            id="everything of a flow",
        ),
        pytest.param(execution(tag="stable"), id="execution by tag"),
        pytest.param(execution(version=3, inputs={"a": {"b": [1, 2.5, "x", None, True]}}), id="execution by version"),
    ],
)
def test_a_good_object_is_stored_as_it_was_sent(cluster: Cluster, namespace: str, body: Object) -> None:
    """What is right is taken, and no field of it is lost; the defaults of an execution are filled in."""
    spec = objects.stored(cluster, namespace, body)["spec"]
    sent = body["spec"]
    assert isinstance(spec, dict)
    assert isinstance(sent, dict)
    defaults: Object = {"cancel": False, "deletionPolicy": "Retain", "retry": 0, "startDeadlineSeconds": 600}
    assert spec == (sent if body["kind"] == "KitaruFlow" else {**defaults, **sent})


@pytest.mark.parametrize(
    "value",
    [None, 0, "", False, [], {"a": None, "b": [None, {"c": [1]}]}, 2**63 - 1, 1.5, "ä" * 1000],
    ids=["null", "0", "text", "false", "list", "nested nulls", "64 bits", "float", "long text"],
)
def test_any_value_is_an_answer(cluster: Cluster, namespace: str, value: JsonValue) -> None:
    """An answer keeps its value, null inside and outside."""
    spec = objects.stored(cluster, namespace, answer(value=value, answeredBy="bob"), as_="bob")["spec"]
    assert isinstance(spec, dict)
    assert spec["value"] == value
