"""What one look at an execution saw, as values. Nothing here asks for anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer, Expiry
from kitaru.core.resources.answer import KitaruAnswer
from kitaru.core.resources.conditions import Reason
from kitaru.core.spec import Spec
from kitaru_operator.pods import RunnerPod


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A version was found for an execution that is not frozen yet: `spec` is what would be frozen.

    `schema` is the JSON Schema of the inputs as JSON text, None when the version has none; `own` is the size in
    bytes of the inputs in the resource, as JSON.
    """

    spec: Spec
    schema: str | None
    own: int


@dataclass(frozen=True, slots=True)
class Unresolved:
    """There is no such flow, version or tag; asked live."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Unsettled:
    """The flow is there, but its newest change is not recorded as a version yet."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """The spec.json that is stored now, with its digest."""

    spec: Spec
    digest: str


@dataclass(frozen=True, slots=True)
class Unfrozen:
    """What is stored as spec.json is none: removed, or damaged. `why` says it in a sentence."""

    why: str


#: What a pod would be made of.
Template: TypeAlias = Resolved | Unresolved | Unsettled | Frozen | Unfrozen


@dataclass(frozen=True, slots=True)
class StoreState:
    """Whether attempts may be started on the store: `ready` is None while it is being probed."""

    ready: bool | None
    reason: Reason = Reason.STORE_FIT
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One look, read in the order of rule 12: claim, then pods, then log, then decisions.

    `claimed` speaks of the epoch `status.attempt`. `requests` are the answers without a verdict, `decided` those
    with one; `unread` says, by uid, why the value of a request that lies in the store cannot be had. `template` is
    None when no pod has to be made. `over_since` and `lost_since` are when this operator first saw that the attempt
    is over, or that its pod is gone; both are forgotten with the process. `uri` is the journal's place for people,
    `credentials` the name of the Secret that runners need, if any.
    """

    claimed: bool
    head: Head
    store: StoreState
    uri: str
    pods: tuple[RunnerPod, ...] = ()
    lost_nodes: frozenset[str] = frozenset()
    decisions: Mapping[str, Answer | Abort | Expiry] = field(default_factory=dict[str, Answer | Abort | Expiry])
    requests: tuple[KitaruAnswer, ...] = ()
    decided: tuple[KitaruAnswer, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict[str, str])
    template: Template | None = None
    over_since: datetime | None = None
    lost_since: datetime | None = None
    credentials: str = ""
