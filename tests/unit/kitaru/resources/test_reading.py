"""Resources are read leniently, with errors that name the field, and written strictly."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pydantic
import pytest
from pydantic import JsonValue

from kitaru.core.phases import Phase
from kitaru.core.resources import model
from kitaru.core.resources.answer import AnswerPhase, AnswerSpec, AnswerStatus, KitaruAnswer
from kitaru.core.resources.execution import DeletionPolicy, ExecutionSpec, ExecutionStatus, KitaruExecution
from kitaru.core.resources.flow import EnvVar, KitaruFlow
from kitaru.core.resources.model import Metadata, Resource, ResourceError

FLOW: dict[str, JsonValue] = {
    "apiVersion": "kitaru.dev/v1alpha1",
    "kind": "KitaruFlow",
    "metadata": {"name": "research-agent", "namespace": "team", "uid": "u1", "generation": 3, "managedFields": []},
    "spec": {
        "entrypoint": "agents.research:research_agent",
        "image": "registry.example/agents:1",
        "inputs": {"topic": None},
        "tags": {"stable": 2},
        "deployment": {"id": "d1", "dirty": False},
        "runner": {
            "resources": {"limits": {"cpu": 2, "memory": "1Gi"}},
            "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "a"}}}],
        },
    },
    "status": {"latestVersion": 2, "tags": {"stable": 2}},
}
EXECUTION: dict[str, JsonValue] = {"metadata": {"name": "x1"}, "spec": {"flow": "research-agent", "inputs": {"n": 1}}}
ANSWER: dict[str, JsonValue] = {
    "metadata": {"name": "a1"},
    "spec": {"execution": "x1", "wait": "approve", "value": {"approved": True}, "answeredBy": "alice"},
}


def _with(body: Mapping[str, JsonValue], **spec: JsonValue) -> dict[str, JsonValue]:
    old = body["spec"]
    assert isinstance(old, dict)
    return {**body, "spec": {key: value for key, value in {**old, **spec}.items() if value != "absent"}}


def test_a_flow_is_read_with_its_metadata_and_status() -> None:
    """What the API server sends is read field by field, in snake case."""
    flow = model.read(KitaruFlow, FLOW)
    assert flow.metadata == Metadata(name="research-agent", namespace="team", uid="u1", generation=3)
    assert flow.spec.tags == {"stable": 2}
    assert flow.status.latest_version == 2


def test_an_execution_without_status_has_an_empty_one() -> None:
    """A new execution has no status yet, and defaults where the spec says nothing."""
    execution = model.read(KitaruExecution, EXECUTION)
    assert execution.status == ExecutionStatus()
    assert execution.spec.deletion_policy is DeletionPolicy.RETAIN
    assert (execution.spec.retry, execution.spec.cancel, execution.spec.start_deadline_seconds) == (0, False, 600)


def test_fields_of_a_newer_version_are_skipped() -> None:
    """An operator reads resources of a newer CRD, at any depth."""
    status: JsonValue = {"phase": "Running", "checkpoints": {"completed": 1, "x": 2}}
    body = {**_with(EXECUTION, priority=3), "status": status}
    assert model.read(KitaruExecution, body).status.phase is Phase.RUNNING


def test_a_misspelt_field_cannot_be_written() -> None:
    """Models that are made by hand refuse a field that does not exist."""
    with pytest.raises(pydantic.ValidationError, match="podname"):
        ExecutionStatus.model_validate({"podname": "p"})


@pytest.mark.parametrize(
    ("kind", "body", "field", "message"),
    [
        pytest.param(
            KitaruFlow,
            _with(FLOW, entrypoint="absent"),
            "spec.entrypoint",
            "KitaruFlow 'research-agent': spec.entrypoint is required.",
            id="missing field",
        ),
        pytest.param(
            KitaruExecution,
            {"metadata": {"name": "x1"}},
            "spec",
            "KitaruExecution 'x1': spec is required.",
            id="missing spec",
        ),
        pytest.param(KitaruExecution, {}, "metadata", "KitaruExecution: metadata is required.", id="nothing"),
        pytest.param(
            KitaruExecution,
            _with(EXECUTION, version="two"),
            "spec.version",
            "KitaruExecution 'x1': spec.version is not valid: input should be a valid integer, "
            "unable to parse string as an integer.",
            id="wrong type",
        ),
        pytest.param(
            KitaruFlow,
            _with(FLOW, runner={"env": [{"name": "A"}, {"value": "b"}]}),
            "spec.runner.env[1].name",
            "KitaruFlow 'research-agent': spec.runner.env[1].name is required.",
            id="inside a list",
        ),
        pytest.param(
            KitaruAnswer,
            _with(ANSWER, abort=True),
            "spec",
            "KitaruAnswer 'a1': spec is not valid: give exactly one of value, valueRef and abort.",
            id="value and abort",
        ),
        pytest.param(
            KitaruAnswer,
            _with(ANSWER, value="absent"),
            "spec",
            "KitaruAnswer 'a1': spec is not valid: give exactly one of value, valueRef and abort.",
            id="neither value nor abort",
        ),
    ],
)
def test_an_unreadable_resource_is_named_with_its_field(
    kind: type[Resource], body: Mapping[str, JsonValue], field: str, message: str
) -> None:
    """The error says in one sentence which field of which object is at fault."""
    with pytest.raises(ResourceError) as caught:
        model.read(kind, body)
    assert str(caught.value) == message
    assert caught.value.field == field


def test_an_error_of_a_whole_model_has_no_field() -> None:
    """A part that is read alone and is wrong as a whole is named by its kind."""
    with pytest.raises(
        ResourceError, match=r"^AnswerSpec is not valid: give exactly one of value, valueRef and abort\.$"
    ):
        model.read(AnswerSpec, {"execution": "x", "wait": "w", "answeredBy": "alice"})


def test_what_was_read_is_written_as_it_was() -> None:
    """Writing gives the camel case and the values that were read; only empty lists are added."""
    spec = FLOW["spec"]
    assert isinstance(spec, dict)
    runner = spec["runner"]
    assert isinstance(runner, dict)
    assert model.write(model.read(KitaruFlow, FLOW).spec) == {**spec, "runner": {**runner, "envFrom": []}}


@pytest.mark.parametrize("value", [None, 0, "", [], {"a": None, "b": [None]}], ids=repr)
def test_an_answers_value_is_kept_as_it_is(value: JsonValue) -> None:
    """Null is a value, outside and inside."""
    spec = model.read(KitaruAnswer, _with(ANSWER, value=value)).spec
    assert spec.given
    assert model.write(spec)["value"] == value


def test_an_abort_has_no_value() -> None:
    """An abort is written without a value."""
    spec = model.read(KitaruAnswer, _with(ANSWER, value="absent", abort=True)).spec
    assert not spec.given
    assert model.write(spec) == {"execution": "x1", "wait": "approve", "abort": True, "answeredBy": "alice"}


def test_times_are_written_in_whole_seconds_of_utc() -> None:
    """A time is written as everywhere in Kubernetes."""
    moment = datetime(2026, 11, 21, 14, 5, 6, 789000, tzinfo=timezone(timedelta(hours=2)))
    status = AnswerStatus(phase=AnswerPhase.ACCEPTED, decided_at=moment)
    assert model.write(status) == {"phase": "Accepted", "decidedAt": "2026-11-21T12:05:06Z", "conditions": []}
    assert model.read(AnswerStatus, model.write(status)).decided_at == datetime(2026, 11, 21, 12, 5, 6, tzinfo=UTC)


def test_an_environment_variable_is_written_as_in_a_pod() -> None:
    """The runner's settings can go into a pod as they are."""
    runner = model.read(KitaruFlow, FLOW).spec.runner
    assert runner is not None
    assert [model.write(one) for one in runner.env] == [
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "a"}}}
    ]
    assert model.write(EnvVar(name="A", value="b")) == {"name": "A", "value": "b"}


def test_inputs_stay_what_they_were() -> None:
    """Null, nested objects and lists in free JSON are kept."""
    inputs: dict[str, JsonValue] = {"a": None, "b": [None, {"c": None}]}
    assert model.write(ExecutionSpec(flow="f", inputs=inputs))["inputs"] == inputs
