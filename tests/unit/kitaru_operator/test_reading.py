"""What is read from outside: pods, nodes, settings, executions that are too new for the cache."""

import pytest
from pydantic import JsonValue

from kitaru.backends.memory import EPOCH
from kitaru.errors import KitaruUsageError
from kitaru_operator import config, nodes, pods
from kitaru_operator.cache import Cache
from kitaru_operator.cluster import Body

OWNER: dict[str, JsonValue] = {"kind": "KitaruExecution", "name": "x", "uid": "u", "controller": True}


def _pod(labels: dict[str, JsonValue] | None = None, owners: list[JsonValue] | None = None) -> Body:
    return {
        "metadata": {
            "name": "x-1",
            "namespace": "team",
            "uid": "p",
            "creationTimestamp": EPOCH.isoformat(),
            "labels": {"kitaru.dev/attempt": "1"} if labels is None else labels,
            "ownerReferences": [OWNER] if owners is None else owners,
        },
        "spec": {"nodeName": "node1"},
        "status": {"phase": "Running"},
    }


def test_a_pod_is_known_by_its_owner_and_its_number() -> None:
    """Both are in what the operator made."""
    pod = pods.read(_pod())
    assert pod is not None
    assert (pod.owner, pod.number, pod.node, pod.phase) == ("x", 1, "node1", "Running")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(_pod(labels={}), id="no number"),
        pytest.param(_pod(labels={"kitaru.dev/attempt": "one"}), id="no number in the label"),
        pytest.param(_pod(owners=[]), id="no owner"),
        pytest.param(_pod(owners=[{**OWNER, "kind": "Job"}]), id="another's"),
    ],
)
def test_a_pod_of_somebody_else_is_none_of_ours(body: Body) -> None:
    """It is neither counted nor deleted."""
    assert pods.read(body) is None


@pytest.mark.parametrize(
    ("taints", "lost"),
    [
        pytest.param([], False, id="healthy"),
        pytest.param([{"key": "node.kubernetes.io/unreachable"}], True, id="unreachable"),
        pytest.param([{"key": "node.kubernetes.io/unschedulable"}], False, id="cordoned"),
    ],
)
def test_which_nodes_are_lost(taints: list[JsonValue], *, lost: bool) -> None:
    """A cordoned node still runs what it has (rule 13)."""
    assert nodes.is_unreachable({"spec": {"taints": taints}}) is lost


def _execution(version: str, uid: str = "u") -> Body:
    return {
        "metadata": {"name": "x", "namespace": "team", "uid": uid, "resourceVersion": version},
        "spec": {"flow": "f", "inputs": {"text": "long"}},
    }


def test_the_cache_keeps_the_newest_and_drops_inputs() -> None:
    """A watch that lags behind an own write changes nothing, and is no news."""
    cache = Cache()
    assert cache.see_execution(_execution("10")) == ("team", "x")
    assert cache.see_execution(_execution("9")) is None
    assert cache.see_execution(_execution("10")) is None
    known = cache.execution(("team", "x"))
    assert known is not None
    assert (known.metadata.resource_version, known.spec.inputs) == ("10", {})


def test_a_new_execution_of_an_old_name_is_another() -> None:
    """The old one's journal is still to be ended."""
    cache = Cache()
    cache.see_execution(_execution("10"))
    cache.see_execution(_execution("20", uid="v"))
    gone = cache.gone(("team", "x"))
    assert gone is not None
    assert gone.execution.metadata.uid == "u"


def test_settings_come_from_the_environment() -> None:
    """Only the bucket is required."""
    settings = config.from_environment(
        {"KITARU_S3_BUCKET": "b", "KITARU_S3_PREFIX": "/p/", "KITARU_WATCH_NAMESPACES": "a, b"}
    )
    assert (settings.s3.bucket, settings.s3.prefix, settings.s3.endpoint) == ("b", "p", None)
    assert settings.namespaces == ("a", "b")
    assert settings.credentials == "kitaru-s3"
    assert config.from_environment({"KITARU_S3_BUCKET": "b", "KITARU_RUNNER_SECRET": ""}).credentials == ""


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        pytest.param({}, "KITARU_S3_BUCKET", id="no bucket"),
        pytest.param({"KITARU_S3_BUCKET": "b", "KITARU_HEALTH_PORT": "http"}, "KITARU_HEALTH_PORT", id="no port"),
    ],
)
def test_a_wrong_setting_is_named(environment: dict[str, str], names: str) -> None:
    """The message names the variable."""
    with pytest.raises(KitaruUsageError, match=names):
        config.from_environment(environment)
