"""Runner pods as the operator sees them: what the API server holds, in the few facts that decisions need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic.alias_generators import to_camel

from kitaru.core.protocol import pods as protocol
from kitaru.core.resources import model
from kitaru.core.resources.conditions import Reason

#: Why a container waits, by the kubelet's word for it; any other word is no trouble.
_WAITING: Final[Mapping[str, Reason]] = {
    "CreateContainerConfigError": Reason.CONTAINER_NOT_CREATED,
    "CreateContainerError": Reason.CONTAINER_NOT_CREATED,
    "RunContainerError": Reason.CONTAINER_NOT_CREATED,
    "ErrImageNeverPull": Reason.IMAGE_NOT_PULLED,
    "ErrImagePull": Reason.IMAGE_NOT_PULLED,
    "ImageInspectError": Reason.IMAGE_NOT_PULLED,
    "ImagePullBackOff": Reason.IMAGE_NOT_PULLED,
    "InvalidImageName": Reason.IMAGE_NOT_PULLED,
}
#: Characters of a termination message that is not the runner's.
_SAID: Final = 200


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a pod does not start. It may start yet."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerPod:
    """One attempt's pod. `image` is what its node says it runs; `node` is empty before it is scheduled.

    `end` says for people why its process ended, empty while it has not. It is a hint: the journal decides (rule 14).
    """

    namespace: str
    name: str
    uid: str
    owner: str
    owner_uid: str
    number: int
    phase: str
    created_at: datetime
    deleted_at: datetime | None = None
    node: str = ""
    image: str = ""
    started: bool = False
    trouble: Trouble | None = None
    end: str = ""

    def alive(self, now: datetime, lost_nodes: frozenset[str]) -> bool:
        """Whether its process may still be at work (rule 13)."""
        seen = protocol.SeenPod(phase=self.phase, deleted_at=self.deleted_at, node_lost=self.node in lost_nodes)
        return protocol.is_alive(seen, now)


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class _Owner(_Part):
    kind: str
    name: str
    uid: str
    controller: bool = False


class _Metadata(_Part):
    name: str
    namespace: str
    uid: str
    creation_timestamp: AwareDatetime
    deletion_timestamp: AwareDatetime | None = None
    labels: Mapping[str, str] = {}
    owner_references: tuple[_Owner, ...] = ()


class _Waiting(_Part):
    reason: str = ""
    message: str = ""


class _Terminated(_Part):
    reason: str = ""
    exit_code: int = 0
    message: str = ""


class _State(_Part):
    waiting: _Waiting | None = None
    terminated: _Terminated | None = None


class _Container(_Part):
    state: _State = _State()
    # Not camel case: "imageId" is never sent.
    image_id: str = Field(default="", alias="imageID")


class _Condition(_Part):
    type: str
    status: str
    reason: str = ""
    message: str = ""


class _Status(_Part):
    phase: str = "Pending"
    reason: str = ""
    message: str = ""
    conditions: tuple[_Condition, ...] = ()
    container_statuses: tuple[_Container, ...] = ()


class _LastWords(_Part):
    """What the runner says at its end, as JSON in its termination message."""

    why: str = ""
    error: str = ""


class _Spec(_Part):
    node_name: str = ""


class _Pod(_Part):
    metadata: _Metadata
    spec: _Spec = _Spec()
    status: _Status = _Status()


def read(body: Mapping[str, JsonValue]) -> RunnerPod | None:
    """Return the pod, or None if it is not one that the operator made: no owner, or no number."""
    pod = _Pod.model_validate(body)
    owner = next((one for one in pod.metadata.owner_references if one.controller), None)
    number = pod.metadata.labels.get(model.ATTEMPT_LABEL, "")
    if owner is None or owner.kind != "KitaruExecution" or not number.isdecimal():
        return None
    container = next(iter(pod.status.container_statuses), _Container())
    return RunnerPod(
        namespace=pod.metadata.namespace,
        name=pod.metadata.name,
        uid=pod.metadata.uid,
        owner=owner.name,
        owner_uid=owner.uid,
        number=int(number),
        phase=pod.status.phase,
        created_at=pod.metadata.creation_timestamp,
        deleted_at=pod.metadata.deletion_timestamp,
        node=pod.spec.node_name,
        image=container.image_id,
        started=pod.status.phase not in {"Pending", "Unknown"},
        trouble=_trouble(pod.status, container),
        end=_end(pod.status, container.state.terminated),
    )


def _end(status: _Status, terminated: _Terminated | None) -> str:
    """Return why the pod's process ended: evicted, by its own last words, or killed."""
    if status.phase == "Failed" and status.reason:
        return f"{status.reason}: {status.message}"
    if terminated is None:
        return ""
    said = _said(terminated.message) or terminated.reason or "ended"
    return f"{said} (exit code {terminated.exit_code})"


def _said(message: str) -> str:
    """Return what the runner said; of an image that has another program, its last line."""
    try:
        words = _LastWords.model_validate_json(message)
    except ValidationError:
        return message.strip().rpartition("\n")[2][:_SAID]
    return words.why or words.error


def _trouble(status: _Status, container: _Container) -> Trouble | None:
    if status.phase != "Pending":
        return None
    waiting = container.state.waiting
    if waiting is not None and waiting.reason in _WAITING:
        return Trouble(_WAITING[waiting.reason], f"{waiting.reason}: {waiting.message}")
    for one in status.conditions:
        if one.type == "PodScheduled" and one.status == "False":
            return Trouble(Reason.UNSCHEDULABLE, one.message or one.reason)
    return None
