"""Pods without Kitaru, to measure it against: the same image, the same security, one Python program."""

from typing import Final

from pydantic import JsonValue

from kitaru_cluster import install
from tests.e2e.support.api import Body
from tests.e2e.support.space import Space

#: Prints when its first line runs.
CLOCK: Final = "import time; print(time.time())"
#: Prints the median seconds of one put_object, of objects as large as a slot of the log.
PUTS: Final = """
import os, statistics, time
import boto3
s3 = boto3.client("s3", endpoint_url=os.environ["ENDPOINT"], region_name=os.environ["REGION"])
def put(number):
    began = time.perf_counter()
    s3.put_object(Bucket=os.environ["BUCKET"], Key=f"{os.environ['FOLDER']}/bare/{number:012d}", Body=b"x" * 600)
    return time.perf_counter() - began
print(statistics.median(put(number) for number in range(300)))
"""
#: The only folder that can be written.
_SCRATCH: Final = "tmp"


def printed(space: Space, name: str, image: str, program: str) -> float:
    """Run a program in a pod of its own to its end, and return the number that it prints."""
    space.api.create(f"/api/v1/namespaces/{space.namespace}/pods", _pod(space, name, image, program))
    space.cluster.await_pod(name, space.namespace, "Succeeded")
    return float(space.kubectl("logs", name))


def _pod(space: Space, name: str, image: str, program: str) -> Body:
    given = {
        "ENDPOINT": space.cluster.s3.pod_url,
        "REGION": space.cluster.s3.region,
        "BUCKET": space.installed.bucket,
        "FOLDER": space.namespace,
    }
    environment: list[JsonValue] = [{"name": key, "value": value} for key, value in given.items()]
    container: Body = {
        "name": "bare",
        "image": image,
        "command": ["python", "-c", program],
        "env": environment,
        "envFrom": [{"secretRef": {"name": install.SECRET}}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": _SCRATCH, "mountPath": f"/{_SCRATCH}"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "runAsGroup": 1000,
                "fsGroup": 1000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "volumes": [{"name": _SCRATCH, "emptyDir": {}}],
            "containers": [container],
        },
    }
