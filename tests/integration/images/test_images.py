"""The two images, built by their Dockerfiles: what is in them, and that they run as nobody in particular."""

import json
from pathlib import Path
from typing import Final

import pytest

from kitaru_cluster import waiting
from kitaru_cluster.cluster import Cluster
from kitaru_cluster.images import Image, Recipe

ROOT: Final = Path(__file__).parents[3]
SHARED: Final = ("sdk", "uv.lock", "scripts/pins.py")
#: The one folder of a runner's pod that can be written.
WRITABLE: Final = str(Path("/", "tmp"))
#: Prints what the test wants to know of a Python environment, as JSON.
PROGRAM: Final = """
import importlib.util, json, os, pathlib, site, sys, tempfile
root = pathlib.Path(site.getsitepackages()[0])
sources = list(root.glob("kitaru*/**/*.py")) + list(root.glob("pydantic/**/*.py"))
print(json.dumps({
    "uid": os.getuid(),
    "interpreter": sys.executable,
    "found": [name for name in ("kitaru", "kitaru_operator", "kitaru_runner", "obstore", "boto3", "kubernetes")
              if importlib.util.find_spec(name)],
    "slow": [str(path) for path in sources if not os.path.exists(importlib.util.cache_from_source(path))],
    "sources": len(sources),
    "temporary": tempfile.TemporaryFile().writable(),
}))
"""
CONTENT: Final = {
    "runner": ["kitaru", "kitaru_runner", "obstore"],
    "operator": ["kitaru", "kitaru_operator", "boto3", "kubernetes"],
}


def _pod(name: str, image: Image, *arguments: str) -> dict[str, object]:
    """Return a pod such as the operator makes: restricted, and with a root that is read-only."""
    container: dict[str, object] = {
        "name": "main",
        "image": image.pinned,
        "args": list(arguments),
        "volumeMounts": [{"name": "tmp", "mountPath": WRITABLE}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    spec: dict[str, object] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def _image(cluster: Cluster, name: str) -> Image:
    return cluster.build_image(Recipe(f"kitaru-{name}", ROOT / name / "Dockerfile", ROOT, (name, *SHARED)))


@pytest.mark.parametrize("name", CONTENT)
def test_an_image_holds_what_it_needs_compiled_for_nobody_in_particular(cluster: Cluster, name: str) -> None:
    """Our packages and their own needs are there and no others, compiled, and run as user 1000."""
    image = _image(cluster, name)
    pod = _pod("look", image)
    spec = json.loads(json.dumps(pod))
    spec["spec"]["containers"][0]["command"] = ["python", "-c", PROGRAM]
    with cluster.namespace() as namespace:
        cluster.apply(spec, namespace=namespace)
        cluster.await_pod("look", namespace, "Succeeded")
        found = json.loads(cluster.kubectl("logs", "look", "-n", namespace))
    assert (found["uid"], found["interpreter"]) == (1000, "/opt/kitaru/bin/python")
    assert found["found"] == CONTENT[name]
    assert (found["slow"], found["temporary"]) == ([], True)
    assert found["sources"] > 50


def test_the_runners_image_runs_the_runner(cluster: Cluster) -> None:
    """Started by itself, without an assignment, the runner says what it lacks and ends badly."""
    image = _image(cluster, "runner")
    with cluster.namespace() as namespace:
        cluster.apply(_pod("alone", image), namespace=namespace)
        cluster.await_pod("alone", namespace, "Failed")
        waiting.until(lambda: cluster.kubectl("logs", "alone", "-n", namespace), "the pod's log", seconds=20)
        said = cluster.kubectl("logs", "alone", "-n", namespace)
        status = cluster.kubectl("get", "pod", "alone", "-n", namespace, "-o=json")
    ended = json.loads(status)["status"]["containerStatuses"][0]["state"]["terminated"]
    assert "KITARU_NAMESPACE is not set" in said
    assert ended["exitCode"] == 70
