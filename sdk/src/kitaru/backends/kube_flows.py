"""The Flows port on Kubernetes: a deploy is one change of a KitaruFlow, which the operator makes a version of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from kitaru.backends import kube_inline, kube_versions, kube_waiting
from kitaru.backends.kube_api import KubeApi, Owner
from kitaru.backends.kube_errors import ConflictError, place
from kitaru.core import names
from kitaru.core.frozen import FrozenExecutionSpec, ResolvedExecutionConfig
from kitaru.core.resources import conditions, model
from kitaru.core.resources.conditions import FlowCondition
from kitaru.core.resources.flow import DEFAULT_TAG, FlowSpec, FlowVersion, KitaruFlow
from kitaru.errors import KitaruBackendError, KitaruStateError, KitaruUsageError
from kitaru.ports import Clock, Deploy, Deployed, Ids

#: Seconds for which the operator's next look at the flow is waited for.
_PATIENCE: Final = 60.0
#: Tries of an apply that meets changes of the operator's.
_TRIES: Final = 10
#: Owns what a deploy applies. Each tag has an owner of its own: an owner's fields that it applies no more are removed.
_MANAGER: Final = "kitaru-deploy"
_TAG_MANAGER: Final = "kitaru-tag-"


class KubeFlows:
    """The deployed flows of one namespace."""

    def __init__(self, api: KubeApi, clock: Clock, ids: Ids) -> None:
        self._api = api
        self._clock = clock
        self._ids = ids

    def deploy(self, deploy: Deploy) -> Deployed:
        """Apply the flow's new spec and return the version that the operator made of it.

        Raises `OwnedError` when somebody else manages a field of it, unless the deploy is forced.
        """
        name = names.resource_name(deploy.flow)
        kube_inline.check("inputs", deploy.inputs)
        deployment = self._ids.new()
        applied = self._applied(deploy, name, _spec(deploy, deployment))
        version = self._listed(applied, deployment)
        tags = {*deploy.tags, *([DEFAULT_TAG] if deploy.publish and version.version == 1 else [])}
        for tag in sorted(tags):
            owner = Owner(manager=f"{_TAG_MANAGER}{tag}", force=deploy.force)
            self._api.apply(KitaruFlow, {"name": name}, {"tags": {tag: version.version}}, owner)
        if tags:
            self._observed(name)  # whoever asks next finds the version by its tags
        routed = tags if DEFAULT_TAG in applied.spec.tags else {*tags, DEFAULT_TAG}  # the newest, unless it is pinned
        found = kube_versions.deployed(applied, version, deploy.flow)
        return replace(found, tags=dict.fromkeys(sorted(routed), True), schema=deploy.schema)

    def list(self, flow: str | None = None) -> Sequence[Deployed]:
        """Return the versions that the operator lists, the newest first; without a name those of all flows, by name."""
        if flow is not None:
            found = self._api.find(KitaruFlow, names.resource_name(flow))
            return [] if found is None else kube_versions.all_of(found, flow)
        flows = sorted(self._api.list(KitaruFlow), key=lambda one: one.metadata.name)
        return [version for one in flows for version in kube_versions.all_of(one)]

    def get(self, flow: str, version: int | None = None, tag: str | None = None) -> Deployed:
        """Return the version of this number or with this tag, else with the tag `default`."""
        found = self._found(flow)
        return kube_versions.deployed(found, kube_versions.choose(found, flow, version, tag), flow)

    def tag(self, flow: str, version: int, tag: str, *, exclusive: bool) -> Deployed:
        """Put a tag on a version and return it; here a tag names one version, so it leaves the one that it named.

        Raises `OwnedError` when somebody else manages the tag.
        """
        self._tagged(
            flow,
            tag,
            {tag: version},
            lambda found: kube_versions.check_tag(found, flow, version, tag, exclusive=exclusive),
        )
        return self.get(flow, version)

    def untag(self, flow: str, version: int, tag: str) -> Deployed:
        """Take a tag off a version and return it. Raises `KitaruStateError` when somebody else manages the tag."""
        after = self._tagged(flow, tag, {}, lambda found: kube_versions.check_untag(found, flow, version, tag))
        if tag in after.spec.tags:
            message = f"The tag {tag!r} of flow {flow!r} is managed by somebody else: remove it there."
            raise KitaruStateError(message)
        return self.get(flow, version)

    def delete(self, flow: str, version: int) -> None:
        """Refuse: the operator removes what nobody needs."""
        raise kube_versions.refuse_delete(self._found(flow), flow, version)

    def _found(self, flow: str) -> KitaruFlow:
        found = self._api.find(KitaruFlow, names.resource_name(flow))
        if found is None:
            message = f"There is no flow {flow!r} in {place(self._api.settings)}: deploy it first."
            raise LookupError(message)
        return found

    def _tagged(
        self, flow: str, tag: str, tags: dict[str, JsonValue], check: Callable[[KitaruFlow], None]
    ) -> KitaruFlow:
        """Apply what the tag's owner says of tags, if `check` lets it; return the flow as the operator has seen it."""
        owner = Owner(manager=f"{_TAG_MANAGER}{tag}")
        for _ in range(_TRIES):
            found = self._found(flow)
            check(found)
            name, version = found.metadata.name, found.metadata.resource_version
            try:
                self._api.apply(KitaruFlow, {"name": name, "resourceVersion": version}, {"tags": tags}, owner)
            except ConflictError:
                continue
            return self._observed(name) or found
        raise _busy(flow)

    def _applied(self, deploy: Deploy, name: str, spec: dict[str, JsonValue]) -> KitaruFlow:
        owner = Owner(manager=_MANAGER, force=deploy.force)
        for _ in range(_TRIES):
            known = self._observed(name)
            kube_versions.check_new_tags(known, deploy.flow, deploy.tags, publish=deploy.publish)
            metadata: dict[str, JsonValue] = {"name": name}
            if known is not None:
                # No change between the one that was observed and ours may go without a version.
                metadata["resourceVersion"] = known.metadata.resource_version
            try:
                self._api.apply(KitaruFlow, metadata, spec, owner)
            except ConflictError:
                continue
            applied = self._api.find(KitaruFlow, name)
            if applied is not None:
                return applied
        raise _busy(deploy.flow)

    def _observed(self, name: str) -> KitaruFlow | None:
        """Return the flow once the operator has seen its last change."""
        flow = self._api.find(KitaruFlow, name)
        if flow is None:
            return None
        done, last = kube_waiting.until(self._api, self._clock, flow, _seen, _PATIENCE)
        if done is None:
            raise self._unseen(last)
        return last

    def _listed(self, flow: KitaruFlow, deployment: str) -> FlowVersion:
        """Return the version of this deployment once the status lists it."""

        def listed(flow: KitaruFlow) -> FlowVersion | None:
            found = next((one for one in flow.status.versions if one.deployment_id == deployment), None)
            accepted = conditions.condition(flow.status.conditions, FlowCondition.ACCEPTED)
            if found is None and _seen(flow) and accepted is not None and accepted.status == "False":
                message = f"KitaruFlow {flow.metadata.name!r} was not accepted: {accepted.message}"
                raise KitaruUsageError(message)
            return found

        version, last = kube_waiting.until(self._api, self._clock, flow, listed, _PATIENCE)
        if version is None:
            raise self._unseen(last)
        return version

    def _unseen(self, flow: KitaruFlow) -> KitaruBackendError:
        return KitaruBackendError(
            f"The operator has not looked at KitaruFlow {flow.metadata.name!r} in {place(self._api.settings)} "
            f"for {_PATIENCE:g} s: see whether it runs."
        )


def _seen(flow: KitaruFlow) -> bool | None:
    return kube_versions.is_seen(flow) or None


def _busy(flow: str) -> KitaruBackendError:
    return KitaruBackendError(f"KitaruFlow of {flow!r} is changed by others all the time: try again.")


def _spec(deploy: Deploy, deployment: str) -> dict[str, JsonValue]:
    made: dict[str, JsonValue] = {
        "id": deployment,
        "commit": deploy.commit,
        "dirty": deploy.dirty,
        "entrypoint": deploy.entrypoint,
        "image": deploy.image,
    }
    said: dict[str, JsonValue] = {
        "entrypoint": deploy.entrypoint,
        "image": deploy.image or "",
        "inputs": dict(deploy.inputs),
        "inputSchema": dict(deploy.schema),
        "deployment": {name: value for name, value in made.items() if value is not None},
    }
    if deploy.settings is not None:
        said |= _chosen(FrozenExecutionSpec.model_validate(deploy.settings).resolved_execution)
    if deploy.environment:
        said["runner"] = {"env": [{"name": name, "value": value} for name, value in deploy.environment.items()]}
    model.read(FlowSpec, said)  # refuses here, by name, what the API server would refuse
    return said


def _chosen(settings: ResolvedExecutionConfig) -> dict[str, JsonValue]:
    chosen: dict[str, JsonValue] = {"retries": settings.retries, "cache": settings.cache}
    if settings.timeout is not None:
        chosen["timeoutSeconds"] = math.ceil(settings.timeout)
    return chosen
