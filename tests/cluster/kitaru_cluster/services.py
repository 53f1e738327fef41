"""What stands beside Kubernetes: the S3 server, the image registry and the cluster's DNS."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from kitaru_cluster import images, network, prerequisites
from kitaru_cluster.control_plane import Component
from kitaru_cluster.run import Json, Run

REGION = "us-east-1"
HEALTH = "/health"


@dataclass(frozen=True, slots=True)
class Keys:
    """The credentials of an S3 server's first user, who may do all."""

    access: str
    secret: str


def new_keys() -> Keys:
    """Return credentials that nobody else knows."""
    return Keys(access="kitaru-test", secret=secrets.token_hex(16))


def s3(program: str, folder: Path, listen: str, keys: Keys) -> Component:
    """Return an S3 server that keeps its objects under `folder` and listens on `listen`."""
    objects, users = folder / "s3", folder / "iam"
    for path in (objects, users):
        path.mkdir(parents=True, exist_ok=True)
    options = ("--port", listen, "--region", REGION, "--health", HEALTH, "--iam-dir", str(users))
    argv = (program, *options, "--keep-alive", "--quiet", "posix", str(objects))
    env = {"ROOT_ACCESS_KEY_ID": keys.access, "ROOT_SECRET_ACCESS_KEY": keys.secret}
    return Component("versitygw", argv, env)


def registry(run: Run) -> Component:
    """Return the image registry.

    Its images outlive the run, in the cache folder: they are named by their content, and an image
    that has not changed is neither built nor pushed again.
    """
    storage = images.storage() / "registry"
    storage.mkdir(exist_ok=True)
    configuration: Json = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {
            "filesystem": {"rootdirectory": str(storage)},
            "cache": {"blobdescriptor": "inmemory"},
        },
        "http": {"addr": network.REGISTRY, "secret": "one run's own"},
    }
    path = run.write("registry.json", configuration)
    return Component("registry", (prerequisites.registry(), "serve", str(path)))


def dns(run: Run) -> Component:
    """Return the cluster's DNS server; names outside the cluster do not exist for it."""
    corefile = run.folder / "etc" / "Corefile"
    corefile.write_text(
        f"""\
.:53 {{
    bind {network.NODE_IP}
    errors
    ready {network.NODE_IP}:{network.DNS_READY_PORT}
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {run.folder}/etc/dns.kubeconfig
        ttl 1
    }}
}}
"""
    )
    return Component("coredns", ("coredns", "-conf", str(corefile)))
