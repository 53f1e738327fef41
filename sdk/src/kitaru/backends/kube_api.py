"""The API server as the client needs it: a few verbs on our own kinds, in one namespace."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import kubernetes.client
import kubernetes.config
import pydantic
import urllib3.exceptions
from kubernetes.client.exceptions import ApiException
from pydantic import JsonValue

from kitaru.backends import kube_errors, kube_stream
from kitaru.backends.kube_settings import KubeSettings
from kitaru.core.resources import model
from kitaru.core.resources.model import Model, Resource
from kitaru.errors import KitaruUsageError

#: Seconds for a connection, and for the reply to a request.
_TIMEOUT: Final = (5.0, 30.0)
#: Objects in one page of a list.
_PAGE: Final = 500
_OBJECT: Final = pydantic.TypeAdapter(dict[str, JsonValue])
_MERGE: Final = "application/merge-patch+json"
_APPLY: Final = "application/apply-patch+yaml"
#: The field manager of everything but what is applied.
_MANAGER: Final = "kitaru"

_R = TypeVar("_R", bound=Resource)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Under which name fields are applied, and whether they are taken from whoever has them."""

    manager: str
    force: bool = False


class KubeApi:
    """Reads and writes resources. Threads may share it.

    Raises what `kube_errors` makes of a refusal: `KitaruUsageError` for what is not valid, `KitaruBackendError` for
    what is not allowed, not there or not reachable.
    """

    def __init__(self, settings: KubeSettings) -> None:
        self._settings = settings
        self._client = _client(settings)
        self._objects = kubernetes.client.CustomObjectsApi(self._client)
        self._user: str | None = None

    @property
    def settings(self) -> KubeSettings:
        """The stack that this is the API server of."""
        return self._settings

    def find(self, kind: type[_R], name: str) -> _R | None:
        """Return the object of this name, None if there is none."""
        with self._explained(f"get of {kind.plural}/{name}"):
            try:
                return _read(
                    kind,
                    self._objects.get_namespaced_custom_object(*self._path(kind), name, _request_timeout=_TIMEOUT),
                )
            except ApiException as error:
                if _refusal(error).missing:
                    return None
                raise

    def list(self, kind: type[_R]) -> Iterator[_R]:
        """Yield all objects of the kind."""
        following = ""
        while True:
            with self._explained(f"list of {kind.plural}"):
                page = _OBJECT.validate_python(
                    self._objects.list_namespaced_custom_object(
                        *self._path(kind), limit=_PAGE, _continue=following or None, _request_timeout=_TIMEOUT
                    )
                )
            items, about = page.get("items"), page.get("metadata")
            for item in items if isinstance(items, list) else ():
                yield model.read(kind, _OBJECT.validate_python(item))
            token = about.get("continue") if isinstance(about, dict) else None
            if not isinstance(token, str) or not token:
                return
            following = token

    def create(self, kind: type[_R], generate: str, spec: Model) -> _R:
        """Create an object under a new name that begins with `generate`, and return it as it was stored."""
        body = {**_head(kind), "metadata": {"generateName": generate}, "spec": model.write(spec)}
        with self._explained(f"create of {kind.plural}"):
            return _read(
                kind,
                self._objects.create_namespaced_custom_object(
                    *self._path(kind), body, field_manager=_MANAGER, _request_timeout=_TIMEOUT
                ),
            )

    def patch(self, resource: _R, spec: Mapping[str, JsonValue]) -> _R:
        """Change fields of the spec, unless the object was changed since `resource` was read (`ConflictError`)."""
        kind, about = type(resource), resource.metadata
        body = {"metadata": {"resourceVersion": about.resource_version}, "spec": dict(spec)}
        with self._explained(f"change of {kind.plural}/{about.name}"):
            return _read(
                kind,
                self._objects.patch_namespaced_custom_object(
                    *self._path(kind),
                    about.name,
                    body,
                    field_manager=_MANAGER,
                    _content_type=_MERGE,
                    _request_timeout=_TIMEOUT,
                ),
            )

    def apply(
        self, kind: type[_R], metadata: Mapping[str, JsonValue], spec: Mapping[str, JsonValue], owner: Owner
    ) -> None:
        """Create the object, or make these fields as given, by server-side apply.

        Raises `OwnedError` when another manager has one of them, `ConflictError` when `metadata` names a
        resourceVersion that is no longer the object's.
        """
        name = str(metadata["name"])
        body = {**_head(kind), "metadata": dict(metadata), "spec": dict(spec)}
        # The client library returns nothing for an object that an apply created, so this does for all.
        with self._explained(f"apply of {kind.plural}/{name}"):
            self._objects.patch_namespaced_custom_object(
                *self._path(kind),
                name,
                body,
                field_manager=owner.manager,
                force=owner.force,
                _content_type=_APPLY,
                _request_timeout=_TIMEOUT,
            )

    def changes(self, kind: type[_R], name: str, version: str, seconds: float) -> Generator[_R | None]:
        """Yield the object after each change later than `version`, None when it was deleted, for that many seconds.

        Ends early, without an error, when the API server cuts the watch: whoever waits looks again.
        """
        with self._explained(f"watch of {kind.plural}/{name}"):
            response = self._objects.list_namespaced_custom_object(
                *self._path(kind),
                field_selector=f"metadata.name={name}",
                resource_version=version,
                timeout_seconds=max(1, math.ceil(seconds)),
                watch=True,
                _preload_content=False,
                _request_timeout=(_TIMEOUT[0], seconds + _TIMEOUT[0]),
            )
            for event in kube_stream.events(response):
                yield None if event["type"] == "DELETED" else _read(kind, event["object"])

    def user(self) -> str:
        """Return the name under which the cluster knows the caller."""
        if self._user is None:
            with self._explained("look at your own name"):
                review = kubernetes.client.AuthenticationV1Api(self._client).create_self_subject_review(
                    kubernetes.client.V1SelfSubjectReview(), _request_timeout=_TIMEOUT
                )
            about = None if review.status is None else review.status.user_info
            self._user = (None if about is None else about.username) or ""
        return self._user

    def _path(self, kind: type[Resource]) -> tuple[str, str, str, str]:
        return model.GROUP, model.VERSION, self._settings.namespace, kind.plural

    @contextmanager
    def _explained(self, request: str) -> Generator[None, None, None]:
        try:
            yield
        except ApiException as error:
            raise kube_errors.error(self._settings, request, _refusal(error)) from error
        except urllib3.exceptions.HTTPError as error:
            server = f"{self._client.configuration.host}"
            raise kube_errors.silence(self._settings, server, type(error).__name__) from error


def _client(settings: KubeSettings) -> kubernetes.client.ApiClient:
    try:
        return kubernetes.config.new_client_from_config(
            config_file=None if settings.kubeconfig is None else str(settings.kubeconfig),
            context=settings.context,
            persist_config=False,
        )
    except kubernetes.config.ConfigException as error:
        message = f"The kubeconfig of stack {settings.stack!r} cannot be used: {error}"
        raise KitaruUsageError(message) from error


def _refusal(error: ApiException) -> kube_errors.Refusal:
    # The library gives its errors no types.
    said = vars(error)
    return kube_errors.refusal(said["status"], said["body"])


def _head(kind: type[Resource]) -> dict[str, JsonValue]:
    return {"apiVersion": model.API_VERSION, "kind": kind.kind}


def _read(kind: type[_R], body: object) -> _R:
    return model.read(kind, _OBJECT.validate_python(body))
