"""KitaruFlow: a flow that is deployed, and its versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, TypeAlias

from pydantic import Field, JsonValue, WithJsonSchema

from kitaru.core.resources.conditions import Condition
from kitaru.core.resources.model import (
    Column,
    Free,
    Image,
    Model,
    Number,
    ObjectName,
    Resource,
    Rule,
    Timestamp,
    VersionNumber,
)

#: How many versions `status.versions` lists, the newest and those that a tag names.
VERSIONS_LISTED: Final = 50
#: The tag that an execution without version and tag means: the newest version, unless it is pinned.
DEFAULT_TAG: Final = "default"

TagName: TypeAlias = Annotated[str, Field(min_length=1, max_length=63)]
_TAG_RULE: Final = Rule(
    "self.all(tag, tag.size() <= 63 && tag.matches('^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$'))",
    "a tag has letters, digits, '-', '_' and '.', begins and ends with a letter or digit, and is at most "
    "63 characters long",
)
Tags: TypeAlias = Annotated[
    Mapping[TagName, VersionNumber],
    Field(max_length=32, json_schema_extra={"x-kubernetes-validations": [_TAG_RULE.definition()]}),
]
#: An amount as Kubernetes writes it: 2, "500m", "1Gi".
Quantity: TypeAlias = Annotated[
    int | str,
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
            "maxLength": 32,
            "pattern": r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?[0-9]+))?$",
        }
    ),
]
Amounts: TypeAlias = Annotated[Mapping[str, Quantity], Field(max_length=16)]
Key: TypeAlias = Annotated[str, Field(min_length=1, max_length=253)]


class Deployment(Model):
    """Who made this version, and from what."""

    id: Annotated[str, Field(min_length=1, max_length=128)]
    """An id of its own for each deploy, so that each deploy makes a version."""
    commit: Annotated[str, Field(max_length=128)] | None = None
    """The source's commit, if it is known."""
    dirty: bool | None = None
    """Whether the source differed from the commit."""
    entrypoint: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """The entrypoint that was deployed. While the spec has another one, neither this nor inputSchema speaks of it."""
    image: Image | None = None
    """The image that was deployed. While the spec has another one, neither this nor inputSchema speaks of it."""


class Resources(Model):
    """What the runner's container asks of its node and may use at most, as in a pod."""

    limits: Amounts | None = None
    """The most it may use. Over the memory limit it is killed, and the next attempt goes on."""
    requests: Amounts | None = None
    """What is kept free for it on its node."""


class KeyRef(Model):
    """A key of a ConfigMap or Secret in the execution's namespace."""

    name: ObjectName
    """The name of the ConfigMap or Secret."""
    key: Key
    """The key in it."""
    optional: bool | None = None
    """Whether the pod starts without it; else it waits until it is there."""


class FieldRef(Model):
    """A field of the runner's pod."""

    field_path: Annotated[str, Field(min_length=1, max_length=253)]
    """The path, such as metadata.name."""


class EnvSource(Model):
    """Where an environment variable's value comes from: exactly one of the three."""

    secret_key_ref: KeyRef | None = None
    """A key of a Secret."""
    config_map_key_ref: KeyRef | None = None
    """A key of a ConfigMap."""
    field_ref: FieldRef | None = None
    """A field of the runner's pod."""

    rules = (
        Rule(
            "[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef)].filter(given, given).size() == 1",
            "give exactly one of secretKeyRef, configMapKeyRef and fieldRef",
        ),
    )


class EnvVar(Model):
    """An environment variable of the flow's code."""

    name: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")]
    """Its name. Those that begin with KITARU_ are set by the operator."""
    value: Annotated[str, Field(max_length=8192)] | None = None
    """Its value; secrets belong into valueFrom."""
    value_from: EnvSource | None = None
    """Where its value comes from, instead of value."""

    rules = (
        Rule("!self.name.startsWith('KITARU_')", "names that begin with KITARU_ are set by the operator", "name"),
        Rule("!(has(self.value) && has(self.valueFrom))", "give value or valueFrom, not both", "valueFrom"),
    )


class SourceRef(Model):
    """A ConfigMap or Secret in the execution's namespace."""

    name: ObjectName
    """Its name."""
    optional: bool | None = None
    """Whether the pod starts without it; else it waits until it is there."""


class EnvFrom(Model):
    """A ConfigMap or Secret, each key of which becomes an environment variable."""

    prefix: Annotated[str, Field(max_length=128)] | None = None
    """What is put before each key."""
    config_map_ref: SourceRef | None = None
    """The ConfigMap; exactly one of configMapRef and secretRef."""
    secret_ref: SourceRef | None = None
    """The Secret; exactly one of configMapRef and secretRef."""

    rules = (Rule("has(self.configMapRef) != has(self.secretRef)", "give exactly one of configMapRef and secretRef"),)


class Runner(Model):
    """How the pods of this flow's executions look. Everything else about them is the operator's."""

    resources: Resources | None = None
    """What the flow's process asks of its node and may use at most."""
    env: Annotated[
        tuple[EnvVar, ...],
        Field(
            max_length=64,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = ()
    """Environment variables of the flow's code."""
    env_from: Annotated[
        tuple[EnvFrom, ...], Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = ()
    """ConfigMaps and Secrets whose keys become environment variables."""
    service_account_name: ObjectName | None = None
    """The service account of the pods, for a cloud's workload identity. Its Kubernetes token is never mounted."""


class FlowSpec(Model):
    """What to run. Each change of it, other than of its tags, makes a new version; versions never change."""

    entrypoint: Annotated[str, Field(min_length=1, max_length=512)]
    """Where the flow is in the image, as module:attribute, such as agents.research:research_agent."""
    image: Image
    """The container image with the flow's code and the kitaru runner, pinned to its digest at the first attempt."""
    inputs: Free = {}
    """Defaults of the flow's inputs, by name. An execution's own inputs come before them."""
    input_schema: Free | None = None
    """The JSON Schema of the inputs. `deploy()` fills it in; without it, and where the entrypoint or the image is not
    the one that was deployed, the runner checks inputs before the body."""
    tags: Tags = {}
    """Names for versions, such as stable: 3. The tag `default` is the newest version unless it is given here."""
    deployment: Deployment | None = None
    """Who made this version. `deploy()` fills it in."""
    runner: Runner | None = None
    """How the pods of this flow's executions look."""
    retries: Annotated[int, Field(ge=0, le=1000)] | None = None
    """How often the flow's body runs again after it raised, finished calls reused. As decorated, by default."""
    cache: bool | None = None
    """Whether checkpoints that do not say may take results of other executions. As decorated, by default."""
    timeout_seconds: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """How many seconds the flow may run, waits not counted. As decorated, by default."""

    rules = (
        Rule(
            r"self.entrypoint.matches('^[A-Za-z_]\\w*(\\.[A-Za-z_]\\w*)*:[A-Za-z_]\\w*$')",
            "entrypoint is module:attribute, such as agents.research:research_agent",
            "entrypoint",
        ),
    )

    def deployed(self) -> Deployment | None:
        """Return who made this version. `kubectl apply` leaves what it does not own: the last deploy()'s words."""
        made = self.deployment
        if made is None or (made.entrypoint or self.entrypoint, made.image or self.image) != (
            self.entrypoint,
            self.image,
        ):
            return None
        return made

    def signature(self) -> Mapping[str, JsonValue] | None:
        """Return the JSON Schema of the inputs of this very entrypoint and image, None if it is not known."""
        return self.input_schema if self.deployment is None or self.deployed() is not None else None


class FlowVersion(Model):
    """One immutable version of the flow. It is kept whole in a ControllerRevision of the flow."""

    version: VersionNumber
    """Its number, counted from 1."""
    image: Image
    """Its image."""
    deployment_id: Annotated[str, Field(max_length=128)] | None = None
    """The id of the deploy that made it."""
    commit: Annotated[str, Field(max_length=128)] | None = None
    """The commit of its source, if it is known."""
    dirty: bool | None = None
    """Whether its source differed from the commit."""
    created_at: Timestamp
    """When the operator saw it."""


class FlowStatus(Model):
    """What the operator made of the spec. Only the operator writes it."""

    observed_generation: Number | None = None
    """The metadata.generation that this status speaks of."""
    latest_version: VersionNumber | None = None
    """The newest version."""
    versions: Annotated[
        tuple[FlowVersion, ...],
        Field(
            max_length=VERSIONS_LISTED,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["version"]},
        ),
    ] = ()
    """The versions that an execution may name, oldest first. One with a tag or a live execution is never removed."""
    tags: Annotated[Mapping[TagName, VersionNumber], Field(max_length=32)] = {}
    """Where each tag points. One whose version is unknown keeps its last good version here."""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=8,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()
    """Accepted: the spec is a version. TagsResolved: each tag's version exists."""


class KitaruFlow(Resource):
    """A durable flow that is deployed in this namespace: where its code is, its versions and their tags."""

    kind = "KitaruFlow"
    plural = "kitaruflows"
    short = "kf"
    columns: ClassVar[tuple[Column, ...]] = (
        Column("Version", "integer", ".status.latestVersion", "The newest version."),
        Column("Image", "string", ".spec.image", "Its image."),
        Column("Entrypoint", "string", ".spec.entrypoint", "Where the flow is in the image.", priority=1),
        Column("Age", "date", ".metadata.creationTimestamp", "Since when it exists."),
    )
    rules = (
        Rule(
            "self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",
            "metadata.name of a flow has lower-case letters, digits and '-', and is at most 63 characters long",
        ),
    )

    spec: FlowSpec
    status: FlowStatus = FlowStatus()
