"""The flows that this process has loaded: what it can run, and go on with."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kitaru.backends.clock import SystemClock
from kitaru.core import sources
from kitaru.core.definitions import FlowDefinition
from kitaru.core.spec import Spec
from kitaru.local import forks

_SCRIPT: Final = "__main__"
#: When this process began to load flows, in seconds since 1970: a file that is older is loaded as it lies on disk.
BEGAN: Final = SystemClock().now().timestamp()


class Registry:
    """Flow definitions, the newest first: a reloaded module's replaces the older one."""

    def __init__(self) -> None:
        self._flows: dict[tuple[str, str], FlowDefinition] = {}
        #: Entrypoints inside functions (closures, lambdas) that several flows share.
        self._shared: set[tuple[str, str]] = set()
        self._guard = threading.Lock()
        #: Whether this process is a worker that is just loading a flow's code, which must start nothing by that.
        self.loading = False
        forks.in_child(self._forked)

    def add(self, flow: FlowDefinition) -> None:
        """Remember a flow. Done where it is decorated."""
        key = (flow.entrypoint, file_of(flow.function))
        with self._guard:
            if is_nameless(flow.entrypoint) and key in self._flows:
                self._shared.add(key)
            self._flows[key] = flow

    def source_of(self, flow: FlowDefinition) -> str:
        """Return the hash of the flow's source as it was loaded."""
        return sources.of(flow.function)

    def named(self, name: str) -> list[FlowDefinition]:
        """Return the loaded flows of this name."""
        with self._guard:
            return [flow for flow in self._flows.values() if flow.name == name]

    def find(self, spec: Spec) -> FlowDefinition | None:
        """Return the loaded flow that an execution runs, None if there is none.

        A flow is known by its entrypoint, and that of a script by its file too, since every
        script's module has the same name; so a script's execution goes on when it is imported.
        Several closures of one entrypoint cannot be told apart: none of them is found.
        """
        module, _, attribute = spec.entrypoint.partition(":")
        with self._guard:
            flows = [(key, flow) for key, flow in self._flows.items() if key not in self._shared]
        for (entrypoint, file), flow in reversed(flows):
            its_module, _, its_attribute = entrypoint.partition(":")
            same_file = spec.file is not None and file == spec.file
            same_module = its_module == module and module != _SCRIPT
            if its_attribute == attribute and (same_module or same_file):
                return flow
        return None

    def _forked(self) -> None:
        """A thread that is not in the child may hold the guard."""
        self._guard = threading.Lock()


def is_nameless(entrypoint: str) -> bool:
    """Return whether a flow was made inside a function, so that no other process can import it."""
    return "<" in entrypoint


def file_of(function: Callable[..., object]) -> str:
    """Return the path of the file that defines a function; `<stdin>` and the like as they are."""
    file = inspect.getfile(inspect.unwrap(function))
    return file if file.startswith("<") else _resolved(file if Path(file).is_absolute() else str(Path.cwd() / file))


@functools.lru_cache(maxsize=1024)
def _resolved(file: str) -> str:
    """Return the path without links, as it was when the file was first looked for: its code is loaded."""
    return str(Path(file).resolve())


#: What `@flow` fills and the local stack reads.
LOADED: Final = Registry()
