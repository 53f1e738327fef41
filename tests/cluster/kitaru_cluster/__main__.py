"""`scripts/cluster`: a cluster that stays, for a person to play with or to run tests against."""

import argparse
import sys

from kitaru_cluster import base_image, build, cluster, install, launch, leftovers, pins
from kitaru_cluster.errors import ClusterError
from kitaru_cluster.install import Installation
from kitaru_cluster.run import Run


def up(run: Run, name: str) -> None:
    """Start a cluster that lives on, install the operator, and say how to reach it."""
    if launch.alive(run):
        print(f"the cluster runs already in {run.folder}")
    else:
        launch.start(name)
    installed = install.playground(cluster.described(run))
    own_images(run, installed)
    reach(run)


def down(run: Run) -> None:
    """End the cluster, and say so; name what is left of it, if anything is."""
    print("ending the cluster: its pods first, then its servers (a minute or two) ...", flush=True)
    launch.stop(run)
    left = leftovers.find(run)
    if left:
        message = "\n".join([f"left behind by {run.folder}:", *left])
        raise ClusterError(message)
    print("the cluster is down")


def status(run: Run) -> None:
    """Say whether the cluster runs, and how to reach it."""
    if launch.alive(run):
        reach(run)
    else:
        print("no cluster runs; start one: make cluster")


def reach(run: Run) -> None:
    """Print the command lines by which a person and the tests reach the cluster."""
    found = cluster.described(run)
    print(
        f"""
Use it (the operator runs in {install.NAMESPACE}, the research agent is deployed in the namespace default):
  export KUBECONFIG={run.kubeconfig} PATH={run.bin}:$PATH
  kubectl create -f examples/research_agent/execution.yaml
  kubectl get kx -w
S3 (key {found.s3.access_key}, secret {found.s3.secret_key}, region {found.s3.region}):
  {found.s3.url} from here, {found.s3.pod_url} from pods
Images: push to {found.registry.push} (plain http), name them {found.registry.pull}/... in pods
Logs: {run.folder}/log, with the API server's audit log {run.audit_log.name}
Run tests against it:
  export KITARU_TEST_KUBECONFIG={run.kubeconfig}
End it:
  make cluster-down"""
    )


def own_images(run: Run, installed: Installation) -> None:
    """Print where the data lies, and how an image of a person's own flows comes into the cluster."""
    push, pull = (cluster.described(run).registry.push, cluster.described(run).registry.pull)
    runner = installed.runner.tagged.removeprefix(f"{pull}/")
    print(
        f"""
Journals lie in the bucket {installed.bucket}.
The runner, which your own images stand on, is {installed.runner.tagged} in pods. An image of your flows, with
`FROM {push}/{runner}` in its Dockerfile:
  buildah build --tls-verify=false -t {push}/my-flows:1 .
  buildah push --tls-verify=false {push}/my-flows:1
and `image: {pull}/my-flows:1` in the KitaruFlow."""
    )


def main() -> int:
    """Do what the command line says; 1 with a message when it cannot be done."""
    parser = argparse.ArgumentParser(prog="scripts/cluster", description=__doc__)
    parser.add_argument("do", choices=("up", "down", "status", "build"))
    parser.add_argument("--name", default="default", help="for more than one at once")
    chosen = parser.parse_args()
    run = launch.named(chosen.name)
    try:
        if chosen.do == "up":
            up(run, chosen.name)
        elif chosen.do == "down":
            down(run)
        elif chosen.do == "status":
            status(run)
        else:
            build.tools((*pins.FIRST, *pins.REST))
            build.pause()
            base_image.archive()
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
