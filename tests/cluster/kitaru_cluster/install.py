"""Installing the operator as a user does: images by their Dockerfiles, a namespace, a Secret, and the chart."""

import json
from dataclasses import dataclass
from typing import Final

from kitaru_cluster import images, pins
from kitaru_cluster.cluster import RESTRICTED, Cluster
from kitaru_cluster.errors import ClusterError

ROOT: Final = pins.SOURCE.parent.parent
RELEASE: Final = "kitaru"
NAMESPACE: Final = "kitaru-system"
#: The Secret with the store's credentials, of the operator and of each namespace with executions.
SECRET: Final = "kitaru-s3"
#: The image in the example's flow.yaml, which its reader is told to replace.
EXAMPLE_IMAGE: Final = "registry.example.com/research-agent:1"
_BUCKET: Final = "kitaru"
_EXISTS: Final = 409
_READY: Final = "--timeout=120s"
_SHARED: Final = ("sdk", "uv.lock", "scripts/pins.py")


@dataclass(frozen=True, slots=True)
class Installation:
    """An installed operator: its namespace, its images, and the bucket of all journals."""

    namespace: str
    bucket: str
    operator: images.Image
    runner: images.Image


def operator(cluster: Cluster) -> Installation:
    """Build operator and runner, and install the chart in a namespace that enforces the restricted profile.

    Where the release is there already it is brought up to date. Returns when the operator is ready.
    """
    made = cluster.build_image(_recipe("operator"))
    runner = cluster.build_image(_recipe("runner"))
    _make_bucket(cluster)
    _make_namespace(cluster)
    provide(cluster, NAMESPACE)
    repository, _, digest = made.pinned.partition("@")
    values = {
        "image.repository": repository,
        "image.digest": digest,
        "s3.endpoint": cluster.s3.pod_url,
        "s3.bucket": _BUCKET,
        "s3.region": cluster.s3.region,
    }
    chosen = (word for name, value in values.items() for word in ("--set-string", f"{name}={value}"))
    verb = "upgrade" if _is_installed(cluster) else "install"
    chart = str(ROOT / "charts" / "kitaru")
    cluster.helm(verb, RELEASE, chart, "-n", NAMESPACE, *chosen, "--wait", _READY)
    return Installation(NAMESPACE, _BUCKET, made, runner)


def provide(cluster: Cluster, namespace: str) -> None:
    """Give a namespace the store's credentials, as each namespace with executions needs them."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET},
        "stringData": {
            "AWS_ACCESS_KEY_ID": cluster.s3.access_key,
            "AWS_SECRET_ACCESS_KEY": cluster.s3.secret_key,
        },
    }
    cluster.apply(secret, namespace=namespace)


def flow_image(cluster: Cluster, installed: Installation, recipe: images.Recipe) -> images.Image:
    """Build an image of flows, whose Dockerfile stands on the runner's by the argument RUNNER_IMAGE."""
    tag = installed.runner.tagged.rpartition(":")[2]
    args = {**recipe.args, "RUNNER_IMAGE": f"localhost/kitaru-runner:{tag}"}
    return cluster.build_image(images.Recipe(recipe.name, recipe.dockerfile, recipe.context, recipe.paths, args))


def example(cluster: Cluster, installed: Installation) -> images.Image:
    """Build the image of the research agent, the project's first example."""
    folder = ROOT / "examples" / "research_agent"
    return flow_image(cluster, installed, images.Recipe("research-agent", folder / "Dockerfile", folder))


def playground(cluster: Cluster) -> Installation:
    """Install the operator, and deploy the example into the default namespace, for a person to play with."""
    installed = operator(cluster)
    provide(cluster, "default")
    flow = (ROOT / "examples" / "research_agent" / "flow.yaml").read_text()
    pinned = example(cluster, installed).pinned
    cluster.kubectl("apply", "-n", "default", "-f", "-", text=flow.replace(EXAMPLE_IMAGE, pinned))
    return installed


def _recipe(name: str) -> images.Recipe:
    return images.Recipe(f"kitaru-{name}", ROOT / name / "Dockerfile", ROOT, (name, *_SHARED))


def _make_bucket(cluster: Cluster) -> None:
    status, body = cluster.s3.request("PUT", f"/{_BUCKET}")
    if status not in {200, _EXISTS}:
        message = f"the S3 server at {cluster.s3.url} answered {status} to making {_BUCKET}: {body!r}"
        raise ClusterError(message)


def _make_namespace(cluster: Cluster) -> None:
    if cluster.try_kubectl("get", "namespace", NAMESPACE)[0] != 0:
        cluster.kubectl("create", "namespace", NAMESPACE)
    cluster.kubectl("label", "namespace", NAMESPACE, *RESTRICTED, "--overwrite")


def _is_installed(cluster: Cluster) -> bool:
    releases = json.loads(cluster.helm("list", "-n", NAMESPACE, "-o", "json"))
    return any(one["name"] == RELEASE for one in releases)
