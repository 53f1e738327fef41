"""The runner's pod, as it is sent."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from pydantic import JsonValue

from kitaru.core.resources import model
from kitaru.core.resources.execution import KitaruExecution
from kitaru.core.spec import Spec
from kitaru_operator import images, manifests
from kitaru_operator.manifests import Attempt
from kitaru_operator.settings import S3, Settings

GOLDEN = Path(__file__).parents[2] / "golden" / "manifests"
PLAIN = Settings(s3=S3(bucket="journals"))
FULL = Settings(
    s3=S3(bucket="journals", endpoint="https://s3.example", prefix="kitaru", region="eu-1"),
    credentials="store-credentials",
)
RUNNER: dict[str, JsonValue] = {
    "resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": "500m"}},
    "env": [{"name": "MODEL", "value": "small"}],
    "envFrom": [{"secretRef": {"name": "model-keys"}}],
    "serviceAccountName": "agents",
}


def _attempt(runner: dict[str, JsonValue] | None) -> Attempt:
    metadata = {"name": "research-agent-x7k2p", "namespace": "team", "uid": "u-1"}
    spec = {"flow": "research-agent"}
    execution = model.read(KitaruExecution, {"metadata": dict(metadata), "spec": dict(spec)})
    frozen = Spec(
        namespace="team",
        name="research-agent-x7k2p",
        uid="u-1",
        flow="research-agent",
        entrypoint="agents.research:research_agent",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        runner=runner,
    )
    return Attempt(
        execution=execution,
        number=3,
        allowance=2,
        spec=frozen,
        digest="sha256:0",
        image="registry.example/agents:1",
    )


@pytest.mark.parametrize(
    ("name", "settings", "runner"),
    [
        pytest.param("plain", PLAIN, None, id="plain"),
        pytest.param("full", FULL, RUNNER, id="full"),
        pytest.param("identity", Settings(s3=S3(bucket="journals"), credentials=""), None, id="no Secret"),
    ],
)
def test_the_pod_is_the_one_that_was_agreed(
    name: str,
    settings: Settings,
    runner: dict[str, JsonValue] | None,
    golden: Callable[[Path, str], None],
) -> None:
    """No token, the restricted profile, never restarted, the operator's variables last."""
    pod = manifests.runner_pod(_attempt(runner), settings)
    golden(GOLDEN / f"{name}.yaml", yaml.safe_dump(pod, sort_keys=False))


@pytest.mark.parametrize(
    ("image", "reported", "runs"),
    [
        pytest.param("r.io:5000/a/b:1", "r.io:5000/a/b@sha256:00", "r.io:5000/a/b@sha256:00", id="pinned"),
        pytest.param("r.io/a/b:1", "sha256:00", "r.io/a/b:1", id="side-loaded"),
        pytest.param("r.io/a/b:1", "mirror.io/a/b@sha256:00", "r.io/a/b:1", id="from a mirror"),
        pytest.param("r.io/a/b@sha256:11", "r.io/a/b@sha256:00", "r.io/a/b@sha256:11", id="a digest"),
        pytest.param("r.io/a/b:1", "", "r.io/a/b:1", id="not yet reported"),
    ],
)
def test_the_image_is_pinned_to_what_its_repository_gave(image: str, reported: str, runs: str) -> None:
    """Only a digest of the same repository replaces what was asked for."""
    assert images.pinned(image, reported) == runs
