"""What executions kept, found again: saved by name, returned by calls, filtered and loaded."""

import pytest

import kitaru
from kitaru.artifacts import ArtifactFilter
from kitaru.client import KitaruClient
from kitaru.connect import LocalStack
from kitaru.errors import KitaruUsageError
from kitaru.handles import FlowHandle


@kitaru.checkpoint
def research(topic: str) -> str:
    """Keep two artifacts, return a third."""
    kitaru.save("sources", [topic, "b"], type=" Context ", tags=["draft"])
    kitaru.save("prompt", f"About {topic}", type="prompt")
    return f"notes on {topic}"


@kitaru.checkpoint
def again(exec_id: str, name: str) -> object:
    """Load what an execution kept."""
    return kitaru.load(exec_id, name)


@kitaru.flow
def study(topics: list[str]) -> list[str]:
    """Research each topic."""
    return [research(topic) for topic in topics]


@kitaru.flow
def reuse(exec_id: str, name: str) -> object:
    """Take it from another execution."""
    return again(exec_id, name)


@pytest.fixture
def done(stack: LocalStack) -> FlowHandle[list[str]]:
    """Run a study of two topics to its end."""
    handle = study.run(["x", "y"], stack=stack)
    handle.wait()
    return handle


EACH = ["research", "sources", "prompt"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param(ArtifactFilter(), EACH + EACH, id="all"),
        pytest.param(ArtifactFilter(name="sources"), ["sources"] * 2, id="by name"),
        pytest.param(ArtifactFilter(kind="prompt"), ["prompt"] * 2, id="by kind"),
        pytest.param(ArtifactFilter(producing_call="research"), EACH + EACH, id="by checkpoint"),
        pytest.param(ArtifactFilter(producing_call="research_2"), EACH, id="by call"),
        pytest.param(ArtifactFilter(name="sources", kind="prompt"), [], id="by both"),
    ],
)
def test_artifacts_are_found_by_name_kind_and_call(
    stack: LocalStack, done: FlowHandle[list[str]], wanted: ArtifactFilter, found: list[str]
) -> None:
    """(M8) The call's own result comes first, then what it saved."""
    listed = KitaruClient(stack).artifacts.list(done.exec_id, **wanted)
    assert [one.name for one in listed] == found


def test_an_artifact_is_got_by_its_id_and_loaded(stack: LocalStack, done: FlowHandle[list[str]]) -> None:
    """(M8) The id says of which execution it is."""
    artifacts = KitaruClient(stack).artifacts
    (listed,) = artifacts.list(done.exec_id, kind="context", producing_call="research_2", limit=1)
    got = artifacts.get(listed.artifact_id)
    assert got == listed
    assert (got.save_type, got.kind, got.metadata["tags"]) == ("manual", "context", ["draft"])
    assert got.load() == ["y", "b"]


def test_an_unknown_artifact_and_a_wrong_filter_are_refused(stack: LocalStack, done: FlowHandle[list[str]]) -> None:
    """A LookupError names the execution, a usage error the filter."""
    artifacts = KitaruClient(stack).artifacts
    with pytest.raises(LookupError, match="has no artifact"):
        artifacts.get(f"{done.exec_id}/research/manual/nothing")
    with pytest.raises(LookupError, match="no execution"):
        artifacts.get("nothing/research/manual/sources")
    with pytest.raises(KitaruUsageError, match="limit=0"):
        artifacts.list(done.exec_id, limit=0)


@pytest.mark.parametrize(
    ("name", "value"), [pytest.param("research_2", "notes on y", id="by call"), pytest.param("x", None, id="unknown")]
)
def test_load_addresses_a_call_by_its_id(
    stack: LocalStack, done: FlowHandle[list[str]], name: str, value: str | None
) -> None:
    """A repeated checkpoint is ambiguous by name; each of its calls has an id."""
    handle = reuse.run(done.exec_id, name, stack=stack)
    if value is not None:
        assert handle.wait() == value
        return
    with pytest.raises(kitaru.KitaruExecutionError, match="nothing"):
        handle.wait()


def test_load_refuses_what_is_ambiguous(stack: LocalStack, done: FlowHandle[list[str]]) -> None:
    """The message says that more than one is called so."""
    with pytest.raises(kitaru.KitaruExecutionError, match="sources"):
        reuse.run(done.exec_id, "sources", stack=stack).wait()
