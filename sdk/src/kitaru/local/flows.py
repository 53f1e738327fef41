"""The Flows port of the local stack: a version is a bundle of the source, and stays what it was."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from kitaru.core import paths, versions
from kitaru.core.spec import Bundle, Launch
from kitaru.core.versions import Change, Record, Version, Versions
from kitaru.errors import KitaruBackendError, KitaruUsageError
from kitaru.local import bundles, projects, registry
from kitaru.local.projects import Project
from kitaru.local.scripts import MainPartReached
from kitaru.local.site import NAME, Site
from kitaru.ports import Deploy, Deployed

_SCRIPT: Final = "__main__"
#: Tries of a change; each that fails is one that another process made meanwhile.
_TRIES: Final = 100


class LocalFlows:
    """The flows that were deployed into one folder's store. Threads and processes may share it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def deploy(self, deploy: Deploy) -> Deployed:
        """Keep the project's source and make a version of it; the flow's body does not run.

        Raises `KitaruUsageError` for a flow that no other process could import, and for a project that is too large.
        """
        self._check()
        file, module = _code(deploy)
        store = self._site.store
        project = projects.find(file, module, store.folder.resolve())
        state, packed = projects.commit(file), bundles.pack(project)
        bundles.keep(store, packed)
        draft = Version(
            flow=deploy.flow,
            number=0,
            deployment=self._site.ids.new(),
            entrypoint=f"{module}:{deploy.entrypoint.partition(':')[2]}",
            bundle=Bundle(
                sha256=packed.sha256,
                file=file.relative_to(project.root).as_posix(),
                paths=project.import_paths(file, module),
                interpreter=sys.executable,
            ),
            created_at=self._site.clock.now(),
            launch=_launch(project, module, file),
            inputs=deploy.inputs,
            schema=deploy.schema,
            commit=state.id,
            dirty=state.dirty,
            # Files that changed since they were loaded: nobody knows the hash of what is in the bundle.
            source=deploy.source if packed.changed < registry.BEGAN else None,
            settings=deploy.settings,
        )
        after = self._change(deploy.flow, lambda now: versions.made(now, draft, deploy.tags, publish=deploy.publish))
        return _deployed(after, after.known[after.last])

    def list(self, flow: str | None = None) -> Sequence[Deployed]:
        """Return the versions of a flow, the newest first; without a name those of all flows, by name."""
        return [
            _deployed(found, found.known[number])
            for name in (self._names() if flow is None else [flow])
            for found in [read(self._site, name)]
            for number in sorted(found.known, reverse=True)
        ]

    def get(self, flow: str, version: int | None = None, tag: str | None = None) -> Deployed:
        """Return the version of this number or with this tag, else with the tag `default`."""
        found = read(self._site, flow)
        return _deployed(found, versions.choose(found, version, tag))

    def tag(self, flow: str, version: int, tag: str, *, exclusive: bool) -> Deployed:
        """Put a tag on a version and return it; an exclusive tag leaves the others in the same moment."""
        after = self._change(flow, lambda now: versions.tagged(now, version, tag, exclusive=exclusive))
        return _deployed(after, after.known[version])

    def untag(self, flow: str, version: int, tag: str) -> Deployed:
        """Take a tag off a version and return it."""
        after = self._change(flow, lambda now: versions.untagged(now, version, tag))
        return _deployed(after, after.known[version])

    def delete(self, flow: str, version: int) -> None:
        """Delete a version. Its bundle stays: executions of it may still go on."""
        self._change(flow, lambda now: versions.deleted(now, version))

    def _check(self) -> None:
        """End the loading of a script whose main part comes to change something, in a worker."""
        if self._site.flows.loading:
            raise MainPartReached

    def _names(self) -> list[str]:
        begin = paths.flows("", NAME)
        return sorted({info.key.removeprefix(begin).partition("/")[0] for info in self._site.store.list(begin)})

    def _change(self, flow: str, decide: Callable[[Versions], Record]) -> Versions:
        """Make a change under the next number; when another process was faster, decide anew on what it left."""
        self._check()
        site = self._site
        for _ in range(_TRIES):
            now = read(site, flow)
            change = Change(record=decide(now), at=site.clock.now(), by=site.user)
            if site.store.create(paths.flow_change("", NAME, flow, now.changes), versions.encode(change)):
                return versions.after(now, change.record)
        message = f"Flow {flow!r} is changed by others all the time: try again."
        raise KitaruBackendError(message)


def read(site: Site, flow: str) -> Versions:
    """Return a flow's versions and tags as they are now; none for a flow that was never deployed."""
    found = Versions(flow=flow)
    while (body := site.store.get(paths.flow_change("", NAME, flow, found.changes))) is not None:
        found = versions.after(found, versions.decode(body).record)
    return found


def _code(deploy: Deploy) -> tuple[Path, str]:
    """Return the flow's file, and the module that it is imported as."""
    if registry.is_nameless(deploy.entrypoint):
        message = (
            f"Flow {deploy.flow!r} was made inside a function ({deploy.entrypoint}), where no other process finds it: "
            "define it at the top of a module to deploy it."
        )
        raise KitaruUsageError(message)
    file = Path(deploy.file or "")
    if not file.is_file():
        message = (
            f"Flow {deploy.flow!r} has no file that could be kept ({deploy.file}): define it in a module or a script."
        )
        raise KitaruUsageError(message)
    module = deploy.entrypoint.partition(":")[0]
    spec = sys.modules[_SCRIPT].__spec__ if module == _SCRIPT else None
    return file.resolve(), module if spec is None else spec.name  # `python -m` gives a script the name of a module


def _launch(project: Project, module: str, file: Path) -> Launch:
    """Return how this process was started, without the folders whose modules are in the bundle."""
    outside = [path for path in (Path(entry).resolve() for entry in sys.path) if project.is_foreign(path)]
    return Launch(
        interpreter=sys.executable,
        folder=str(Path.cwd()),
        paths=tuple(dict.fromkeys(str(path) for path in outside)),
        module=None if module == _SCRIPT else module,
        script=str(file) if module == _SCRIPT else None,
    )


def _deployed(found: Versions, version: Version) -> Deployed:
    return Deployed(
        flow=version.flow,
        version=version.number,
        deployment=version.deployment,
        created_at=version.created_at,
        bundle=version.bundle.sha256,
        tags=found.tags_of(version.number),
        commit=version.commit,
        dirty=version.dirty,
        schema=version.schema,
    )
