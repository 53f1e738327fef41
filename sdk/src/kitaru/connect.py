"""Wiring: from a stack's name to the ports behind it. The only place that picks backends.

Backends are imported within the functions, when one is asked for: `import kitaru` pays for none.
"""

from __future__ import annotations

import getpass
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from pydantic import JsonValue

from kitaru.core import settings, spec, values
from kitaru.core.events import Batch
from kitaru.core.head import Head
from kitaru.core.journal import Abort, Answer, Expiry, Slot, Value
from kitaru.core.located import Located
from kitaru.core.settings import KitaruConfig
from kitaru.core.spec import Spec
from kitaru.core.tagged import UserValue
from kitaru.local import forks
from kitaru.ports import Executions, Flows

if TYPE_CHECKING:
    from kitaru.config import Configuration, KubernetesStack
    from kitaru.local.executions import LocalExecutions
    from kitaru.local.flows import LocalFlows
    from kitaru.local.site import Site


@dataclass(frozen=True, slots=True)
class LocalStack:
    """This computer: attempts run in this process."""

    name: str
    executions: LocalExecutions
    flows: LocalFlows


@dataclass(frozen=True, slots=True)
class ClusterStack:
    """A namespace of a Kubernetes cluster: attempts run in pods."""

    name: str
    executions: Executions
    flows: Flows


Stack: TypeAlias = LocalStack | ClusterStack

#: How many objects of a log are read at once; one where reading has no latency.
_WIDTH: Final = 8


class _Guard:
    """One thread at a time opens a stack. Whoever did when the process forked is not in the child."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        forks.in_child(self._forked)

    def _forked(self) -> None:
        self.lock = threading.Lock()


_guard: Final = _Guard()
_local: Final[dict[Path, LocalStack]] = {}
_clusters: Final[dict[tuple[str, KubernetesStack], ClusterStack]] = {}


def open_stack(stack: str | Stack | None = None) -> Stack:
    """Return the stack of this name; without one, the stack that is configured.

    Raises `KitaruUsageError` for a name that the configuration lacks, and for a wrong file.
    """
    return choose(stack)[0]


def choose(stack: str | Stack | None, *layers: KitaruConfig) -> tuple[Stack, KitaruConfig]:
    """Return the stack, and the settings that the layers come to over those that are configured.

    Without a stack it is the one that the settings name; it is not opened twice. Raises as `open_stack`.
    """
    from kitaru import config

    configuration = config.load()
    chosen = settings.resolve(*layers, configuration.settings)
    if isinstance(stack, LocalStack | ClusterStack):
        return stack, chosen
    return _open(stack or chosen.stack or config.LOCAL, configuration), chosen


def open_local(folder: Path) -> LocalStack:
    """Return the local stack of this folder, and make it the configured one of this process and of its children."""
    place = folder.absolute()
    os.environ["KITARU_CONFIG_PATH"] = str(place)
    with _guard.lock:
        if place not in _local:
            _local[place] = _open_local(place)
        return _local[place]


def read_spec(stack: Stack, located: Located) -> Spec | None:
    """Return an execution as it was frozen; None before it was, on a cluster until its first attempt."""
    body = stack.executions.store.get(located.paths.spec)
    return None if body is None else spec.decode(body)


def read_slots(stack: Stack, located: Located, start: int = 0) -> list[Slot]:
    """Return an execution's log, from the slot `start` on."""
    from kitaru.backends import log

    return log.read_slots(stack.executions.store, located.paths, start, width=_width(stack))


def read_decision(stack: Stack, located: Located, wait: str) -> Answer | Abort | Expiry | None:
    """Return what is stored for an open wait: its runner may not have taken it yet."""
    from kitaru.backends import log

    return log.read_decision(stack.executions.store, located.paths, wait)


def read_telemetry(stack: Stack, located: Located, start: Batch) -> list[tuple[Batch, bytes]]:
    """Return an execution's batches of telemetry, from `start` on."""
    from kitaru.backends import telemetry

    return telemetry.read(stack.executions.store, located.paths, start)


def read_head(stack: Stack, located: Located, known: Head | None = None) -> Head:
    """Return the head of an execution's log as it was located, or read on from a head that is known."""
    from kitaru.backends import log

    if located.head is not None:
        return located.head
    return log.read_head(stack.executions.store, located.paths, known, width=_width(stack))


def misfit(schema: str | None, answer: JsonValue) -> str | None:
    """Return None when an answer fits the schema of its wait, as the log has it, else one sentence why not."""
    from kitaru.core import schemas

    return schemas.problem(schema, answer)


def load_value(stack: Stack, located: Located, value: Value, *, allow_pickle: bool) -> UserValue:
    """Return a value that an execution's log names.

    Raises `KitaruSerializationError` when it is pickled and that is not allowed.
    """
    from kitaru.backends.values import ObjectArtifacts

    artifacts = ObjectArtifacts(stack.executions.store, located.paths)
    return values.load(value, artifacts.get, allow_pickle=allow_pickle)


def _open(name: str, configuration: Configuration) -> Stack:
    from kitaru import config

    with _guard.lock:
        if name == config.LOCAL:
            folder = configuration.folder
            if folder not in _local:
                _local[folder] = _open_local(folder)
            return _local[folder]
        cluster = configuration.kubernetes(name)
        if (name, cluster) not in _clusters:
            _clusters[name, cluster] = _open_cluster(name, cluster)
        return _clusters[name, cluster]


def _width(stack: Stack) -> int:
    return 1 if isinstance(stack, LocalStack) else _WIDTH


def local_site(folder: Path, *, lasting: bool = True) -> Site:
    """Return what a local stack in this folder stands on; not `lasting`: what is written may be lost with the power."""
    from kitaru.backends.clock import SystemClock
    from kitaru.backends.ids import RandomIds
    from kitaru.backends.pointers import NearPointers
    from kitaru.backends.sqlite import SqliteStore
    from kitaru.local.locks import Locks
    from kitaru.local.registry import LOADED
    from kitaru.local.site import Site
    from kitaru.local.terminal import Terminal

    clock, store = SystemClock(), SqliteStore(folder, lasting=lasting)
    return Site(
        store=store,
        locks=Locks(folder / "locks", clock),
        flows=LOADED,
        terminal=Terminal(sys.stdin, sys.stdout, shared=_is_interactive),
        clock=clock,
        ids=RandomIds(),
        user=_user(),
        cache=NearPointers(store),
    )


def _open_local(folder: Path) -> LocalStack:
    from kitaru.local import site
    from kitaru.local.executions import LocalExecutions
    from kitaru.local.flows import LocalFlows

    here = local_site(folder)
    return LocalStack(site.NAME, LocalExecutions(here), LocalFlows(here))


def _open_cluster(name: str, stack: KubernetesStack) -> ClusterStack:
    from kitaru.backends import kube
    from kitaru.backends.kube_settings import KubeSettings
    from kitaru.backends.s3 import S3Settings

    keys = stack.credentials
    session = keys.session_token if keys else None
    settings = KubeSettings(
        stack=name,
        namespace=stack.namespace,
        context=stack.context,
        kubeconfig=stack.kubeconfig.expanduser() if stack.kubeconfig else None,
        prefix=stack.prefix,
        s3=S3Settings(
            bucket=stack.bucket,
            endpoint=stack.endpoint,
            region=stack.region,
            access_key=keys.access_key_id if keys else None,
            secret_key=keys.secret_access_key.get_secret_value() if keys else None,
            session_token=session.get_secret_value() if session else None,
        ),
    )
    executions, flows = kube.open_cluster(settings)
    return ClusterStack(name, executions, flows)


def _is_interactive() -> bool:
    """Whether an interactive Python reads the terminal between the user's lines."""
    return hasattr(sys, "ps1") or bool(sys.flags.interactive)


def _user() -> str:
    """Return the name of whoever runs this process; its number where the system has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
