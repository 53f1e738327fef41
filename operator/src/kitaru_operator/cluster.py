"""The API server as the operator needs it: plain dictionaries, own errors, one way of doing each thing.

`Cluster` is the port; `kitaru_operator.kube` stands behind it, and `kitaru_operator.memory_cluster` in tests.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

from pydantic import JsonValue

from kitaru.core.resources.model import GROUP, VERSION
from kitaru.errors import KitaruBackendError

#: An object of the API as it travels. Never the cache's own: whoever gets one may change it.
Body: TypeAlias = dict[str, JsonValue]

#: What is known of an object: it is there, as given, or it is gone.
Change: TypeAlias = Literal["seen", "lost"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object. `group` is empty for the core group."""

    group: str
    version: str
    plural: str
    name: str

    @property
    def api_version(self) -> str:
        """What `apiVersion` says."""
        return f"{self.group}/{self.version}" if self.group else self.version


EXECUTIONS: Final = Kind(GROUP, VERSION, "kitaruexecutions", "KitaruExecution")
FLOWS: Final = Kind(GROUP, VERSION, "kitaruflows", "KitaruFlow")
ANSWERS: Final = Kind(GROUP, VERSION, "kitaruanswers", "KitaruAnswer")
PODS: Final = Kind("", "v1", "pods", "Pod")
NODES: Final = Kind("", "v1", "nodes", "Node")
NAMESPACES: Final = Kind("", "v1", "namespaces", "Namespace")
EVENTS: Final = Kind("", "v1", "events", "Event")
REVISIONS: Final = Kind("apps", "v1", "controllerrevisions", "ControllerRevision")


@dataclass(frozen=True, slots=True)
class Ref:
    """One object. `namespace` is empty for a kind of the whole cluster."""

    kind: Kind
    namespace: str
    name: str


class ClusterError(KitaruBackendError):
    """The API server did not do what it was asked; the message is its own."""

    code = "cluster"


class NotFoundError(ClusterError):
    """There is no such object."""

    code = "cluster_not_found"


class ConflictError(ClusterError):
    """Somebody changed the object since it was read, or it is not the one that was meant: look again."""

    code = "cluster_conflict"


class AlreadyExistsError(ClusterError):
    """There is an object of this name."""

    code = "cluster_already_exists"


class DeniedError(ClusterError):
    """The API server refused the request: access, admission or quota."""

    code = "cluster_denied"


class InvalidError(ClusterError):
    """The object breaks the schema or a rule of its kind."""

    code = "cluster_invalid"


class UnreachableError(ClusterError):
    """No answer, or one that leaves the outcome unknown. Every write is made so that it can be made again."""

    code = "cluster_unreachable"
    retryable = True


class Cluster(Protocol):
    """The requests that the operator makes. Each raises a `ClusterError`."""

    async def get(self, ref: Ref) -> Body:
        """Return the object as it is now."""
        ...

    def list(self, kind: Kind, namespace: str, labels: Mapping[str, str] | None = None) -> AsyncIterator[Body]:
        """Yield the objects as they are now, in pages. An empty namespace means all."""
        ...

    async def create(self, kind: Kind, namespace: str, body: Body) -> Body:
        """Make the object. Raises `AlreadyExistsError` when its name is taken."""
        ...

    async def patch(self, ref: Ref, body: Body) -> Body:
        """Merge `body` into the object. Raises `ConflictError` when its resourceVersion is another."""
        ...

    async def put_status(self, ref: Ref, body: Body) -> Body:
        """Replace the status if `body` has the object's resourceVersion, else raise `ConflictError`."""
        ...

    async def delete(self, ref: Ref, uid: str) -> None:
        """Delete the object if it has this uid. No error when it is gone or another one has its name."""
        ...
