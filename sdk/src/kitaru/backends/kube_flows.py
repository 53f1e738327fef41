"""The Flows port on Kubernetes: a deploy is one change of a KitaruFlow, which the operator makes a version of."""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from kitaru.backends import kube_inline, kube_waiting
from kitaru.backends.kube_api import KubeApi, Owner
from kitaru.backends.kube_errors import ConflictError, place
from kitaru.core import names
from kitaru.core.resources import conditions, model
from kitaru.core.resources.conditions import FlowCondition
from kitaru.core.resources.flow import DEFAULT_TAG, FlowSpec, FlowVersion, KitaruFlow
from kitaru.errors import KitaruBackendError, KitaruUsageError
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
        applied = self._applied(name, _spec(deploy, deployment), Owner(manager=_MANAGER, force=deploy.force))
        version = self._listed(applied, deployment)
        for tag in deploy.tags:
            if tag == DEFAULT_TAG and tag not in applied.spec.tags:
                continue  # it is the newest version until somebody pins it
            owner = Owner(manager=f"{_TAG_MANAGER}{tag}", force=deploy.force)
            self._api.apply(KitaruFlow, {"name": name}, {"tags": {tag: version.version}}, owner)
        return Deployed(
            flow=deploy.flow,
            version=version.version,
            image=version.image,
            deployment=deployment,
            created_at=version.created_at,
        )

    def _applied(self, name: str, spec: dict[str, JsonValue], owner: Owner) -> KitaruFlow:
        for _ in range(_TRIES):
            known = self._observed(name)
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
        message = f"KitaruFlow {name!r} is changed by others all the time: try again."
        raise KitaruBackendError(message)

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
    return (flow.status.observed_generation or 0) >= flow.metadata.generation or None


def _spec(deploy: Deploy, deployment: str) -> dict[str, JsonValue]:
    said: dict[str, JsonValue] = {
        "entrypoint": deploy.entrypoint,
        "image": deploy.image,
        "inputs": dict(deploy.inputs),
        "inputSchema": dict(deploy.schema),
        "deployment": {"id": deployment},
    }
    model.read(FlowSpec, said)  # refuses here, by name, what the API server would refuse
    return said
