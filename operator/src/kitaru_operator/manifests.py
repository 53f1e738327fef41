"""The runner's pod: what an attempt runs in. Pure: the same values always give the same manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from kitaru.core import names
from kitaru.core.resources import model
from kitaru.core.resources.execution import KitaruExecution
from kitaru.core.resources.flow import Runner
from kitaru.core.spec import Spec
from kitaru_operator.settings import S3, Settings

#: The user of the runner's image, stated, so that an image that says nothing is not refused as root.
_USER: Final = 1000
#: Seconds for a call to end after SIGTERM.
_GRACE: Final = 30
#: The only folder that can be written.
_SCRATCH: Final = "tmp"
_POD_SECURITY: Final[dict[str, JsonValue]] = {
    "runAsNonRoot": True,
    "runAsUser": _USER,
    "runAsGroup": _USER,
    "fsGroup": _USER,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_CONTAINER_SECURITY: Final[dict[str, JsonValue]] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
#: What the store's Secret holds, and whether a pod starts without it.
_KEYS: Final[Mapping[str, bool | None]] = {
    "AWS_ACCESS_KEY_ID": None,
    "AWS_SECRET_ACCESS_KEY": None,
    "AWS_SESSION_TOKEN": True,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What a pod is made for. `allowance` is `spec.retry` as it was when this was decided (rule 6)."""

    execution: KitaruExecution
    number: int
    allowance: int
    spec: Spec
    digest: str
    image: str


def runner_pod(attempt: Attempt, settings: Settings) -> dict[str, JsonValue]:
    """Return the attempt's pod.

    It has no Kubernetes token, runs as non-root in the restricted profile, and is never restarted in place: a
    second start of the container would be a second writer under one number.
    """
    metadata = attempt.execution.metadata
    runner = _runner(attempt.spec)
    body: dict[str, JsonValue] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": names.pod_name(metadata.name, metadata.uid, attempt.number),
            "namespace": metadata.namespace,
            "labels": {
                "app.kubernetes.io/name": "kitaru-runner",
                "app.kubernetes.io/managed-by": "kitaru-operator",
                model.EXECUTION_LABEL: metadata.uid,
                model.ATTEMPT_LABEL: str(attempt.number),
                model.FLOW_LABEL: attempt.spec.flow,
            },
            "ownerReferences": [_owner(attempt.execution)],
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": _GRACE,
            "securityContext": _POD_SECURITY,
            "volumes": [{"name": _SCRATCH, "emptyDir": {}}],
            "containers": [_container(attempt, runner, settings)],
            **_given({"serviceAccountName": runner.service_account_name}),
        },
    }
    return body


def _runner(spec: Spec) -> Runner:
    return Runner() if spec.runner is None else Runner.model_validate(spec.runner, extra="ignore")


def _owner(execution: KitaruExecution) -> dict[str, JsonValue]:
    # blockOwnerDeletion would ask for a right on finalizers where that admission plugin is on.
    return {
        "apiVersion": model.API_VERSION,
        "kind": execution.kind,
        "name": execution.metadata.name,
        "uid": execution.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def _container(attempt: Attempt, runner: Runner, settings: Settings) -> dict[str, JsonValue]:
    return {
        "name": "runner",
        "image": attempt.image,
        # Stated, so that an image with an entrypoint of its own runs as well.
        "command": ["python", "-m", "kitaru_runner"],
        # Of two variables of one name the last counts: the operator's.
        "env": [
            *(model.write(one) for one in runner.env),
            *_credentials(settings.credentials),
            *_environment(attempt, settings.s3),
        ],
        "terminationMessagePath": "/dev/termination-log",
        "securityContext": _CONTAINER_SECURITY,
        "volumeMounts": [{"name": _SCRATCH, "mountPath": f"/{_SCRATCH}"}],
        **_given(
            {
                "envFrom": [model.write(source) for source in runner.env_from] or None,
                "resources": None if runner.resources is None else model.write(runner.resources),
            }
        ),
    }


def _credentials(secret: str) -> list[JsonValue]:
    """Name each key, so that the kubelet names the one that is missing; without a Secret it is the pod's identity."""
    if not secret:
        return []
    return [
        {"name": key, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, **_given({"optional": optional})}}}
        for key, optional in _KEYS.items()
    ]


def _environment(attempt: Attempt, s3: S3) -> list[JsonValue]:
    metadata = attempt.execution.metadata
    values = {
        "KITARU_NAMESPACE": metadata.namespace,
        "KITARU_EXECUTION_NAME": metadata.name,
        "KITARU_EXECUTION_ID": attempt.spec.uid,
        "KITARU_ATTEMPT": str(attempt.number),
        "KITARU_RETRY_ALLOWANCE": str(attempt.allowance),
        "KITARU_SPEC_DIGEST": attempt.digest,
        "KITARU_S3_BUCKET": s3.bucket,
        "KITARU_S3_PREFIX": s3.prefix,
        "KITARU_S3_ENDPOINT": s3.endpoint,
        "KITARU_S3_REGION": s3.region,
    }
    pod: JsonValue = {
        "name": "KITARU_POD_UID",
        "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}},
    }
    return [*({"name": name, "value": text} for name, text in values.items() if text is not None), pod]


def _given(fields: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in fields.items() if value is not None}
