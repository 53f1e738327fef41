"""Which flow of this process, if any, is the one that an execution runs."""

from __future__ import annotations

from pathlib import Path

from kitaru.core.definitions import FlowDefinition
from kitaru.core.spec import Bundle, Spec
from kitaru.errors import KitaruUsageError
from kitaru.local import bundles, projects, registry
from kitaru.local.site import Site


def here(site: Site, frozen: Spec) -> FlowDefinition | None:
    """Return the loaded flow with which this process may go on with the execution, None if it may not.

    A deployed version runs from its bundle. So it runs here when its flow was loaded from there, or from a project
    that still is what the bundle holds: the same digest, and no file changed since this process began.
    """
    if frozen.bundle is None:
        return site.flows.find(frozen)
    attribute = frozen.entrypoint.partition(":")[2]
    for flow in site.flows.named(frozen.flow):
        if flow.entrypoint.partition(":")[2] == attribute and _is_from(site, flow, frozen.bundle):
            return flow
    return None


def _is_from(site: Site, flow: FlowDefinition, bundle: Bundle) -> bool:
    file = Path(registry.file_of(flow.function))
    if file == bundles.place(site.store, bundle.sha256) / bundle.file:
        return True
    if not file.is_file() or not file.as_posix().endswith(f"/{bundle.file}"):
        return False
    module = flow.entrypoint.partition(":")[0]
    try:
        packed = bundles.pack(projects.find(file, module, site.store.folder.resolve()))
    except (KitaruUsageError, OSError):
        return False
    return packed.sha256 == bundle.sha256 and packed.changed < registry.BEGAN
