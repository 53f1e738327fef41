"""Invoking a deployed version: what its execution is, frozen."""

from __future__ import annotations

from kitaru.core import schemas, versions
from kitaru.core.frozen import FrozenExecutionSpec
from kitaru.core.spec import Spec
from kitaru.errors import KitaruUsageError
from kitaru.local import flows
from kitaru.local.site import NAME, Site
from kitaru.ports import Start


def freeze(site: Site, start: Start) -> Spec:
    """Return a new execution of the version that `start` means, its defaults filled in.

    Raises `LookupError` and `KitaruStateError` for a version that cannot be chosen, and `KitaruUsageError` for inputs
    that do not fit its schema; nothing has started then.
    """
    version = versions.choose(flows.read(site, start.flow), start.version, start.tag)
    inputs = {**version.inputs, **start.inputs}
    problem = schemas.input_problem(version.schema, inputs)
    if problem is not None:
        message = f"The inputs do not fit version {version.number} of flow {version.flow!r}: {problem}"
        raise KitaruUsageError(message)
    chosen = None
    if version.settings is not None:
        chosen = FrozenExecutionSpec.model_validate(version.settings).resolved_execution
    exec_id = site.ids.new()
    return Spec(
        namespace=NAME,
        name=exec_id,
        uid=exec_id,
        flow=version.flow,
        entrypoint=version.entrypoint,
        created_at=site.clock.now(),
        inputs=inputs,
        version=version.number,
        retries=start.retries if start.retries is not None or chosen is None else chosen.retries,
        cache=None if chosen is None else chosen.cache,
        timeout=None if chosen is None else chosen.timeout,
        settings=version.settings,
        bundle=version.bundle,
        launch=version.launch,
        source=version.source,
    )
