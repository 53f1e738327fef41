"""A flow's versions and tags, as its resource tells them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from kitaru.core import names, routes
from kitaru.core.resources.flow import FlowVersion, KitaruFlow
from kitaru.core.routes import DEFAULT
from kitaru.errors import KitaruFeatureNotAvailableError, KitaruStateError, KitaruUsageError
from kitaru.ports import Deployed


def all_of(flow: KitaruFlow, name: str | None = None) -> list[Deployed]:
    """Return the flow's versions, the newest first. `name` is the flow's own, if the caller knows it."""
    return [deployed(flow, one, name) for one in reversed(flow.status.versions)]


def deployed(flow: KitaruFlow, version: FlowVersion, name: str | None = None) -> Deployed:
    """Return one of the flow's versions as every stack tells it."""
    status = flow.status
    is_newest = version.version == status.latest_version and is_seen(flow)
    return Deployed(
        flow=name or _name(flow),
        version=version.version,
        deployment=version.deployment_id or "",
        created_at=version.created_at,
        image=version.image,
        tags=tags_of(flow, version.version),
        commit=version.commit,
        dirty=version.dirty,
        schema=flow.spec.signature() if is_newest else None,
    )


def tags_of(flow: KitaruFlow, number: int) -> dict[str, bool]:
    """Return the tags that name a version, each exclusive. `default` names the newest unless it is pinned."""
    named = [tag for tag, where in sorted(flow.status.tags.items()) if where == number]
    if DEFAULT not in flow.status.tags and number == flow.status.latest_version:
        named.append(DEFAULT)
    return dict.fromkeys(named, True)


def choose(flow: KitaruFlow, name: str, number: int | None, tag: str | None) -> FlowVersion:
    """Return the version of this number or with this tag, else with the tag `default`. Raises `LookupError`."""
    status = flow.status
    if number is None:
        wanted = DEFAULT if tag is None else tag
        number = status.tags.get(wanted, status.latest_version if wanted == DEFAULT else None)
        if number is None:
            tags = {DEFAULT, *status.tags} if status.versions else set[str]()
            known = routes.unknown_tag(name, wanted, tags)
            raise LookupError(known if status.versions else routes.undeployed(name))
    found = next((one for one in status.versions if one.version == number), None)
    if found is None:
        raise LookupError(routes.unknown_version(name, number, [one.version for one in status.versions]))
    return found


def check_new_tags(flow: KitaruFlow | None, name: str, tags: Mapping[str, bool], *, publish: bool) -> None:
    """Raise `KitaruFeatureNotAvailableError` for tags that a deploy asks for and the resource cannot hold."""
    if flow is None and not publish and DEFAULT not in tags:
        message = (
            f"On Kubernetes the first version of flow {name!r} is the default: leave "
            "publish_default_on_first_deploy as it is."
        )
        raise KitaruFeatureNotAvailableError(message)
    for tag, exclusive in tags.items():
        if not exclusive and flow is not None and tag in flow.spec.tags:
            raise _shared(name, tag, flow.spec.tags[tag])


def check_tag(flow: KitaruFlow, name: str, number: int, tag: str, *, exclusive: bool) -> None:
    """Raise `LookupError` for an unknown version, and `KitaruFeatureNotAvailableError` for a tag of two versions."""
    choose(flow, name, number, None)
    held = flow.spec.tags.get(tag, number)
    if not exclusive and tag != DEFAULT and held != number:
        raise _shared(name, tag, held)


def check_untag(flow: KitaruFlow, name: str, number: int, tag: str) -> None:
    """Raise `LookupError` when the version does not have the tag, `KitaruUsageError` for `default`."""
    routes.check_removable(tag)
    choose(flow, name, number, None)
    if flow.spec.tags.get(tag) != number:
        raise LookupError(routes.untagged(name, number, tag, tags_of(flow, number)))


def refuse_delete(flow: KitaruFlow, name: str, number: int) -> KitaruStateError | KitaruFeatureNotAvailableError:
    """Return why a version is not deleted. Raises `LookupError` for one that does not exist."""
    choose(flow, name, number, None)
    held = tags_of(flow, number)
    if held:
        return KitaruStateError(routes.held(name, number, next(iter(held))))
    message = (
        f"On Kubernetes the operator removes version {number} of flow {name!r}, once there are more than it keeps and "
        "no tag and no execution needs it: leave it, or delete its ControllerRevision."
    )
    return KitaruFeatureNotAvailableError(message)


def is_seen(flow: KitaruFlow) -> bool:
    """Return whether the operator has looked at the flow as it is."""
    return (flow.status.observed_generation or 0) >= flow.metadata.generation


def _name(flow: KitaruFlow) -> str:
    """Return the name of the function, from which the resource's name follows; else the resource's."""
    function = flow.spec.entrypoint.rpartition(":")[2]
    try:
        return function if names.resource_name(function) == flow.metadata.name else flow.metadata.name
    except KitaruUsageError:
        return flow.metadata.name


def _shared(name: str, tag: str, number: int) -> KitaruFeatureNotAvailableError:
    return KitaruFeatureNotAvailableError(
        f"On Kubernetes a tag names one version, and {tag!r} of flow {name!r} names {number}: pass exclusive=True to "
        "move it."
    )
