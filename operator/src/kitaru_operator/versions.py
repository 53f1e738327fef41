"""Versions of a flow: each change of its spec, other than of its tags, becomes a ControllerRevision. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue
from pydantic.alias_generators import to_camel

from kitaru.core.resources import conditions, model
from kitaru.core.resources.conditions import Condition, FlowCondition, Reason, Truth
from kitaru.core.resources.execution import ExecutionSpec
from kitaru.core.resources.flow import (
    DEFAULT_TAG,
    VERSIONS_LISTED,
    FlowSpec,
    FlowStatus,
    FlowVersion,
    KitaruFlow,
)
from kitaru.core.resources.model import FLOW_LABEL, GROUP, Metadata
from kitaru_operator.observed import Unresolved, Unsettled

#: A digest of the spec that a revision holds, without its tags.
DIGEST_LABEL: Final = f"{GROUP}/spec-digest"
#: The generation of the flow at which the version was seen: an older look than that records nothing.
GENERATION: Final = f"{GROUP}/generation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One version of a flow, as its ControllerRevision holds it."""

    name: str
    uid: str
    owner_uid: str
    number: int
    digest: str
    generation: int
    created_at: datetime
    spec: FlowSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPlan:
    """What a look at a flow wants done: record a version, drop old ones, report."""

    create: dict[str, JsonValue] | None = None
    prune: tuple[Revision, ...] = ()
    status: FlowStatus


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class _Owner(_Part):
    uid: str


class _Metadata(_Part):
    name: str
    uid: str
    creation_timestamp: AwareDatetime
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    owner_references: tuple[_Owner, ...] = ()


class _Data(_Part):
    spec: Mapping[str, JsonValue]


class _Revision(_Part):
    metadata: _Metadata
    revision: int
    data: _Data


def read(body: Mapping[str, JsonValue]) -> Revision:
    """Return the version that a ControllerRevision of a flow holds."""
    one = _Revision.model_validate(body)
    generation = one.metadata.annotations.get(GENERATION, "")
    return Revision(
        name=one.metadata.name,
        uid=one.metadata.uid,
        owner_uid=next((owner.uid for owner in one.metadata.owner_references), ""),
        number=one.revision,
        digest=one.metadata.labels.get(DIGEST_LABEL, ""),
        generation=int(generation) if generation.isdecimal() else 0,
        created_at=one.metadata.creation_timestamp,
        spec=model.read(FlowSpec, one.data.spec),
    )


def revision_name(flow: str, number: int) -> str:
    """Return the name of a version's ControllerRevision. It holds the number: two operators cannot both make it."""
    return f"{flow}-{number}"


def created_at(metadata: Metadata) -> datetime:
    """Return when the object was made."""
    return metadata.creation_timestamp or datetime.fromtimestamp(0, UTC)


def digest(spec: Mapping[str, JsonValue]) -> str:
    """Return the digest of a flow's spec without its tags, fit for a label."""
    rest = {name: value for name, value in spec.items() if name != "tags"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:40]


def plan(
    body: Mapping[str, JsonValue],
    revisions: Sequence[Revision],
    live: frozenset[int],
    now: datetime,
) -> FlowPlan:
    """Return what follows from a flow, read live, and its revisions. `live` are versions in use."""
    flow = model.read(KitaruFlow, body)
    known = sorted(revisions, key=lambda one: one.number)
    latest = known[-1] if known else None
    spec = body.get("spec")
    raw: Mapping[str, JsonValue] = spec if isinstance(spec, dict) else {}
    create = None
    listed = [_listed(one) for one in known]
    # A look that is older than the newest version would bring back what was replaced.
    fresh = latest is None or flow.metadata.generation > latest.generation
    if fresh and (latest is None or latest.digest != digest(raw)):
        number = 1 if latest is None else latest.number + 1
        create = _revision(flow, raw, number)
        listed.append(_listed_new(flow, number, now))
    prune = _prune(known, flow, live, len(listed))
    gone = {one.number for one in prune}
    return FlowPlan(
        create=create,
        prune=prune,
        status=_status(flow, tuple(one for one in listed if one.version not in gone), now),
    )


def _revision(flow: KitaruFlow, raw: Mapping[str, JsonValue], number: int) -> dict[str, JsonValue]:
    metadata = flow.metadata
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": revision_name(metadata.name, number),
            "namespace": metadata.namespace,
            "labels": {FLOW_LABEL: metadata.name, DIGEST_LABEL: digest(raw)},
            "annotations": {GENERATION: str(metadata.generation)},
            "ownerReferences": [
                {
                    "apiVersion": model.API_VERSION,
                    "kind": flow.kind,
                    "name": metadata.name,
                    "uid": metadata.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "revision": number,
        "data": {"spec": {name: value for name, value in raw.items() if name != "tags"}},
    }


def _listed(one: Revision) -> FlowVersion:
    return _version(one.number, one.spec, one.created_at)


def _listed_new(flow: KitaruFlow, number: int, now: datetime) -> FlowVersion:
    return _version(number, flow.spec, now.replace(microsecond=0))


def _version(number: int, spec: FlowSpec, created: datetime) -> FlowVersion:
    made = spec.deployed()
    return FlowVersion(
        version=number,
        image=spec.image,
        deployment_id=None if made is None else made.id,
        commit=None if made is None else made.commit,
        dirty=None if made is None else made.dirty,
        created_at=created,
    )


def _prune(known: Sequence[Revision], flow: KitaruFlow, live: frozenset[int], count: int) -> tuple[Revision, ...]:
    """Oldest first, never one that a tag names or a live execution uses, nor the newest."""
    kept = {*flow.spec.tags.values(), *flow.status.tags.values(), *live}
    old = [one for one in known[:-1] if one.number not in kept]
    return tuple(old[: max(0, count - VERSIONS_LISTED)])


def _status(flow: KitaruFlow, listed: tuple[FlowVersion, ...], now: datetime) -> FlowStatus:
    numbers = {one.version for one in listed}
    tags = {
        tag: number if number in numbers else flow.status.tags[tag]
        for tag, number in flow.spec.tags.items()
        if number in numbers or flow.status.tags.get(tag) in numbers
    }
    unknown = sorted(tag for tag, number in flow.spec.tags.items() if number not in numbers)
    accepted = _condition(flow, FlowCondition.ACCEPTED, "True", (Reason.VERSION_RECORDED, ""), now)
    all_of_them = conditions.replaced(flow.status.conditions, accepted)
    return FlowStatus(
        observed_generation=flow.metadata.generation,
        latest_version=max(numbers, default=None),
        versions=listed[-VERSIONS_LISTED:],
        tags=tags,
        conditions=conditions.replaced(all_of_them, _tags(flow, unknown, now)),
    )


def _tags(flow: KitaruFlow, unknown: list[str], now: datetime) -> Condition:
    if not unknown:
        return _condition(flow, FlowCondition.TAGS_RESOLVED, "True", (Reason.ALL_RESOLVED, ""), now)
    named = ", ".join(f"{tag}: {flow.spec.tags[tag]}" for tag in unknown)
    message = f"spec.tags names versions that do not exist ({named}); each keeps its last good version."
    why = (Reason.UNKNOWN_VERSION, message)
    return _condition(flow, FlowCondition.TAGS_RESOLVED, "False", why, now)


def _condition(
    flow: KitaruFlow, type_: FlowCondition, truth: Truth, why: tuple[Reason, str], now: datetime
) -> Condition:
    return Condition(
        type=type_,
        status=truth,
        reason=why[0],
        message=why[1],
        last_transition_time=now.replace(microsecond=0),
        observed_generation=flow.metadata.generation,
    )


def choose(flow: KitaruFlow, spec: ExecutionSpec) -> int | Unresolved | Unsettled:
    """Return the version that an execution means, as far as the flow's status knows."""
    settled = flow.status.observed_generation == flow.metadata.generation
    numbers = {one.version for one in flow.status.versions}
    if spec.version is not None:
        if spec.version in numbers:
            return spec.version
        return unknown(flow, spec.version) if settled else Unsettled()
    if not settled:
        return Unsettled()
    tag = DEFAULT_TAG if spec.tag is None else spec.tag
    if tag in flow.status.tags:
        return flow.status.tags[tag]
    if tag == DEFAULT_TAG and flow.status.latest_version is not None:
        return flow.status.latest_version
    known = ", ".join(sorted({DEFAULT_TAG, *flow.status.tags}))
    message = f"spec.tag is {tag!r}, and flow {flow.metadata.name!r} has no such tag; it has {known}."
    return Unresolved(Reason.TAG_NOT_FOUND, message)


def unknown(flow: KitaruFlow, number: int) -> Unresolved:
    """Return what is said of a version that does not exist."""
    latest = flow.status.latest_version
    message = f"spec.version is {number}, and flow {flow.metadata.name!r} has no such version; the newest is {latest}."
    return Unresolved(Reason.VERSION_NOT_FOUND, message)
