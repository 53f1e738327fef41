"""What the API server was asked, by its audit log."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from kitaru_cluster.cluster import Cluster
from kitaru_cluster.errors import ClusterError
from kitaru_cluster.install import NAMESPACE, RELEASE

OPERATOR: Final = f"system:serviceaccount:{NAMESPACE}:{RELEASE}-operator"
WRITES: Final = frozenset({"create", "update", "patch", "delete"})
_DONE: Final = 300


@dataclass(frozen=True, slots=True)
class Request:
    """One request that was answered; `what` is the resource, with its subresource after a slash."""

    user: str
    verb: str
    what: str
    namespace: str
    name: str
    status: int
    at: datetime

    @property
    def wrote(self) -> bool:
        """Whether it changed something."""
        return self.verb in WRITES and self.status < _DONE


class Audit:
    """The requests about objects of namespaces that are made from now on."""

    def __init__(self, cluster: Cluster) -> None:
        if cluster.audit_log is None:
            message = "this test counts requests, and the cluster that KITARU_TEST_KUBECONFIG names shows no audit log"
            raise ClusterError(message)
        self._log: Path = cluster.audit_log
        self._since = self._log.stat().st_mtime

    def requests(self, namespace: str) -> Iterator[Request]:
        """Yield the answered requests about objects of a namespace, so far."""
        for line in self._lines():
            if line.endswith(b"\n") and namespace.encode() in line:
                found = _request(json.loads(line))
                if found is not None and found.namespace == namespace:
                    yield found

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines of the log, and of the files into which the API server moved it meanwhile."""
        for path in sorted(self._log.parent.glob(f"{self._log.stem}*{self._log.suffix}")):
            if path.stat().st_mtime >= self._since:
                with path.open("rb") as log:
                    yield from log


def _request(entry: Mapping[str, dict[str, str]]) -> Request | None:
    if str(entry["stage"]) != "ResponseComplete" or "objectRef" not in entry:
        return None
    about = entry["objectRef"]
    part = about.get("subresource")
    return Request(
        user=entry["user"]["username"],
        verb=str(entry["verb"]),
        what=about["resource"] if part is None else f"{about['resource']}/{part}",
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        status=int(entry["responseStatus"]["code"]),
        at=datetime.fromisoformat(str(entry["requestReceivedTimestamp"])),
    )
