"""The API server over plain HTTP: a request takes milliseconds, where kubectl takes a process."""

import http.client
import json
import ssl
import tempfile
import threading
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Self

import yaml
from pydantic import Base64Bytes, BaseModel, Field, JsonValue, TypeAdapter

from kitaru_cluster.errors import ClusterError

_TIMEOUT: Final = 30.0
_HTTPS: Final = 443
_OBJECT: Final = TypeAdapter(dict[str, JsonValue])
_ITEMS: Final = TypeAdapter(list[dict[str, JsonValue]])

Body = dict[str, JsonValue]


class RefusedError(ClusterError):
    """The API server refused; `status` is the HTTP status, `message` what it said."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class _Cluster(BaseModel):
    server: str
    authority: Annotated[Base64Bytes, Field(alias="certificate-authority-data")]


class _User(BaseModel):
    certificate: Annotated[Base64Bytes, Field(alias="client-certificate-data")]
    key: Annotated[Base64Bytes, Field(alias="client-key-data")]


class _NamedCluster(BaseModel):
    cluster: _Cluster


class _NamedUser(BaseModel):
    user: _User


class _Config(BaseModel):
    clusters: list[_NamedCluster]
    users: list[_NamedUser]


@dataclass(frozen=True, slots=True)
class Access:
    """How a kubeconfig with certificates reaches its API server."""

    host: str
    port: int
    context: ssl.SSLContext


def access(kubeconfig: Path) -> Access:
    """Read the only user of a kubeconfig that holds its certificates itself."""
    config = _Config.model_validate(yaml.safe_load(kubeconfig.read_text()))
    cluster, user = config.clusters[0].cluster, config.users[0].user
    context = ssl.create_default_context(cadata=cluster.authority.decode())
    pair = user.certificate + user.key
    with tempfile.NamedTemporaryFile() as file:  # the standard library loads a key from files alone
        file.write(pair)
        file.flush()
        context.load_cert_chain(file.name)
    server = urllib.parse.urlsplit(cluster.server)
    return Access(server.hostname or "", server.port or _HTTPS, context)


class Api:
    """Requests as the kubeconfig's user. Threads may share it; each has a connection of its own."""

    def __init__(self, kubeconfig: Path) -> None:
        self._access = access(kubeconfig)
        self._local = threading.local()
        self._open: list[http.client.HTTPSConnection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        for connection in self._open:
            connection.close()

    def get(self, path: str) -> Body | None:
        """Return the object, None if there is none."""
        try:
            return self.request("GET", path)
        except RefusedError as error:
            if error.status == http.client.NOT_FOUND:
                return None
            raise

    def items(self, path: str, **query: str) -> list[Body]:
        """Return the objects of a collection."""
        found = self.request("GET", f"{path}?{urllib.parse.urlencode(query)}")
        return _ITEMS.validate_python(found.get("items") or [])

    def create(self, path: str, body: Mapping[str, JsonValue]) -> Body:
        """Create an object and return it as it was stored."""
        return self.request("POST", path, json.dumps(dict(body)))

    def patch(self, path: str, body: Mapping[str, JsonValue]) -> Body:
        """Merge `body` into an object."""
        return self.request("PATCH", path, json.dumps(dict(body)))

    def delete(self, path: str, *, grace: int | None = None) -> Body:
        """Ask for an object's deletion; with a `grace` of 0 the object is gone at once, whatever runs."""
        return self.request("DELETE", path, json.dumps({} if grace is None else {"gracePeriodSeconds": grace}))

    def request(self, method: str, path: str, body: str | None = None) -> Body:
        """Send a request. Raises RefusedError for every status from 400 on."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        connection = self._connection()
        try:
            connection.request(method, path, body, {"Content-Type": kind, "Accept": "application/json"})
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            # A connection that the server closed meanwhile; the next request makes another.
            connection.close()
            raise
        answer = _OBJECT.validate_json(text)
        if response.status >= http.client.BAD_REQUEST:
            raise RefusedError(response.status, str(answer.get("message", "")))
        return answer

    def _connection(self) -> http.client.HTTPSConnection:
        made = getattr(self._local, "connection", None)
        if not isinstance(made, http.client.HTTPSConnection):
            reach = self._access
            made = http.client.HTTPSConnection(reach.host, reach.port, context=reach.context, timeout=_TIMEOUT)
            self._local.connection = made
            self._open.append(made)
        return made
