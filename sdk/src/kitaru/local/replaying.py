"""Starting a replay on the local stack: what its execution is, frozen."""

from __future__ import annotations

import dataclasses

from kitaru.backends.values import ObjectArtifacts
from kitaru.core.replay import ReplayStart
from kitaru.core.spec import Spec
from kitaru.local.site import NAME, Site


def freeze(site: Site, start: ReplayStart) -> Spec:
    """Return a new execution of the same code as the replayed one's, under the same settings."""
    exec_id = site.ids.new()
    return dataclasses.replace(
        start.source,
        namespace=NAME,
        name=exec_id,
        uid=exec_id,
        created_at=site.clock.now(),
        inputs=start.inputs,
    )


def keep(site: Site, new: Spec, start: ReplayStart) -> Spec:
    """Return the new execution as a replay, its large given outputs kept in the store."""
    artifacts = ObjectArtifacts(site.store, site.paths(new.uid))
    for artifact, one in start.artifacts.items():
        artifacts.put(artifact, one.body, {"codec": one.codec, "type": one.type})
    return dataclasses.replace(new, replay=dataclasses.replace(start.replay, by=site.user))
