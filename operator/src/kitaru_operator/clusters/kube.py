"""The `Cluster` port on a real API server: `kubernetes.aio` finds it and signs in, plain dictionaries travel."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import aiohttp
import pydantic
from kubernetes.aio import client, config
from pydantic import JsonValue

from kitaru_operator.cluster import (
    AlreadyExistsError,
    Body,
    ClusterError,
    ConflictError,
    DeniedError,
    InvalidError,
    Kind,
    NotFoundError,
    Ref,
    UnreachableError,
)

_TIMEOUT: Final = 30.0
_PAGE: Final = 500
_JSON: Final = "application/json"
_MERGE: Final = "application/merge-patch+json"
_MANAGER: Final = "kitaru-operator"
_CONFLICT: Final = 409
_REFUSED: Final = 400
_BODY: Final = pydantic.TypeAdapter(Body)
_ERRORS: Final[Mapping[int, type[ClusterError]]] = {
    400: InvalidError,
    401: DeniedError,
    403: DeniedError,
    404: NotFoundError,
    410: NotFoundError,
    413: InvalidError,
    422: InvalidError,
}
_Query: TypeAlias = list[tuple[str, str]]


class _Response(Protocol):
    status: int

    async def read(self) -> bytes: ...


class _Client(Protocol):
    """The part of `ApiClient` that is used, with the types that it leaves out."""

    async def param_serialize(
        self,
        method: str,
        resource_path: str,
        *,
        query_params: _Query,
        header_params: dict[str, str],
        body: Body | None,
        auth_settings: list[str],
    ) -> tuple[str, str, dict[str, str], JsonValue, list[str]]: ...

    async def call_api(
        self,
        method: str,
        url: str,
        header_params: dict[str, str],
        body: JsonValue,
        *,
        _request_timeout: float,
    ) -> _Response: ...

    async def close(self) -> None: ...


class _List(pydantic.BaseModel):
    class _Metadata(pydantic.BaseModel):
        remaining: str = pydantic.Field(default="", alias="continue")

    metadata: _Metadata = _Metadata()
    items: list[Body] = []


class _Failure(pydantic.BaseModel):
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: _Query
    body: Body | None = None
    content: str = _JSON


class Kube:
    """The API server that a kubeconfig or the pod's service account names."""

    def __init__(self, api: _Client) -> None:
        self._api = api

    async def close(self) -> None:
        """Drop the connections."""
        await self._api.close()

    async def get(self, ref: Ref) -> Body:
        """Return the object as it is now."""
        return await self._call(_Request("GET", _path(ref), []))

    async def list(self, kind: Kind, namespace: str, labels: Mapping[str, str] | None = None) -> AsyncIterator[Body]:
        """Yield the objects, page by page."""
        query = [("limit", str(_PAGE)), *_selector(labels)]
        following: _Query = []
        while True:
            request = _Request("GET", _collection(kind, namespace), [*query, *following])
            page = _List.model_validate(await self._call(request))
            for body in page.items:
                yield {"apiVersion": kind.api_version, "kind": kind.name, **body}
            if not page.metadata.remaining:
                return
            following = [("continue", page.metadata.remaining)]

    async def create(self, kind: Kind, namespace: str, body: Body) -> Body:
        """Make the object."""
        return await self._call(_Request("POST", _collection(kind, namespace), _managed(), body))

    async def patch(self, ref: Ref, body: Body) -> Body:
        """Merge `body` into the object."""
        return await self._call(_Request("PATCH", _path(ref), _managed(), body, _MERGE))

    async def put_status(self, ref: Ref, body: Body) -> Body:
        """Replace the status."""
        return await self._call(_Request("PUT", f"{_path(ref)}/status", _managed(), body))

    async def delete(self, ref: Ref, uid: str) -> None:
        """Delete this very object."""
        body: Body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
        }
        try:
            await self._call(_Request("DELETE", _path(ref), [], body))
        except (NotFoundError, ConflictError):
            return

    async def _call(self, request: _Request) -> Body:
        headers = {"Accept": _JSON, "Content-Type": request.content, "User-Agent": _MANAGER}
        try:
            signed = await self._api.param_serialize(
                request.method,
                request.path,
                query_params=request.query,
                header_params=headers,
                body=request.body,
                auth_settings=["BearerToken"],
            )
            method, url, headers, body, _ = signed
            response = await self._api.call_api(method, url, headers, body, _request_timeout=_TIMEOUT)
            content = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            message = f"The API server gave no answer to {request.method} {request.path}: {error}."
            raise UnreachableError(message) from error
        if response.status < _REFUSED:
            return _BODY.validate_json(content)
        raise _error(request, response.status, content)


def _managed() -> _Query:
    return [("fieldManager", _MANAGER)]


def _selector(labels: Mapping[str, str] | None) -> _Query:
    if not labels:
        return []
    terms = [f"{name}={value}" if value else name for name, value in labels.items()]
    return [("labelSelector", ",".join(terms))]


def _collection(kind: Kind, namespace: str) -> str:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    return f"{root}/namespaces/{namespace}/{kind.plural}" if namespace else f"{root}/{kind.plural}"


def _path(ref: Ref) -> str:
    return f"{_collection(ref.kind, ref.namespace)}/{ref.name}"


def _error(request: _Request, status: int, content: bytes) -> ClusterError:
    try:
        failure = _Failure.model_validate(json.loads(content))
    except ValueError:
        failure = _Failure(message=content[:200].decode(errors="replace"))
    message = f"{request.method} {request.path}: {failure.message or failure.reason or status}"
    if status == _CONFLICT:
        taken = failure.reason == "AlreadyExists"
        return AlreadyExistsError(message) if taken else ConflictError(message)
    return _ERRORS.get(status, UnreachableError)(message)


async def connect(kubeconfig: str | None) -> Kube:
    """Return the API server of the kubeconfig, or of the pod that this runs in."""
    configuration = client.Configuration()
    if kubeconfig:
        await config.load_kube_config(kubeconfig, client_configuration=configuration)
    else:
        config.load_incluster_config(configuration)
    return Kube(client.ApiClient(configuration))
