"""What an error of the Kubernetes API means for a user of Kitaru, and what to do about it.

Pure: the client library is not imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pydantic
from pydantic import JsonValue

from kitaru.backends.kube_settings import KubeSettings
from kitaru.errors import KitaruBackendError, KitaruError, KitaruUsageError

_BODY: Final = pydantic.TypeAdapter(dict[str, JsonValue])
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_INVALID: Final = frozenset({400, 413, 422})


class ConflictError(KitaruBackendError):
    """Somebody else changed the object since it was read: read it again."""

    code = "conflict"
    retryable = True


class OwnedError(KitaruUsageError):
    """A field that is applied belongs to another manager, such as Argo CD."""

    code = "owned"


class DeniedError(KitaruBackendError):
    """The caller has no right to the request."""

    code = "denied"


class UnreachableError(KitaruBackendError):
    """The API server gave no answer."""

    code = "unreachable"
    retryable = True


@dataclass(frozen=True, slots=True)
class Cause:
    """One of the reasons that a refusal names."""

    reason: str
    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error reply of the API server. `kind` is of the object that it is about, "" when it names none."""

    status: int
    message: str = ""
    kind: str = ""
    causes: tuple[Cause, ...] = ()

    @property
    def missing(self) -> bool:
        """Whether the very object that was asked for does not exist, and not its kind or its namespace."""
        return self.status == _NOT_FOUND and self.kind not in {"", "namespaces"}


def refusal(status: object, body: object) -> Refusal:
    """Return what the API server's reply says; a body that is not a Status object counts as text."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body if isinstance(body, str) else ""
    code = status if isinstance(status, int) else 0
    try:
        said = _BODY.validate_json(text)
    except pydantic.ValidationError:
        return Refusal(status=code, message=text.strip())
    details = said.get("details")
    about = details if isinstance(details, dict) else {}
    listed = about.get("causes")
    causes = listed if isinstance(listed, list) else []
    return Refusal(
        status=code,
        message=_text(said, "message"),
        kind=_text(about, "kind"),
        causes=tuple(
            Cause(_text(one, "reason"), _text(one, "field"), _text(one, "message"))
            for one in causes
            if isinstance(one, dict)
        ),
    )


def _text(found: Mapping[str, JsonValue], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def place(settings: KubeSettings) -> str:
    """Return the namespace in words."""
    return f"namespace {settings.namespace!r} of stack {settings.stack!r}"


def error(settings: KubeSettings, request: str, reply: Refusal) -> KitaruError:
    """Return the error that `reply` to `request` ("create of kitaruexecutions") stands for."""
    where, said = place(settings), reply.message.rstrip(".")
    if reply.status == _UNAUTHORIZED:
        return KitaruBackendError(f"The cluster of {where} does not know you: renew the credentials in the kubeconfig.")
    if reply.status == _FORBIDDEN:
        return DeniedError(f"You may not do the {request} in {where} ({said}): ask for a role that allows it.")
    if reply.status == _NOT_FOUND and reply.kind == "namespaces":
        return KitaruBackendError(f"There is no {where}: create it, or correct the stack's namespace.")
    if reply.status == _NOT_FOUND:
        return KitaruBackendError(f"The cluster of {where} has no Kitaru: install the chart charts/kitaru there.")
    if reply.status == _CONFLICT:
        return _conflict(settings, request, reply)
    if reply.status in _INVALID:
        return KitaruUsageError(f"The API server refused the {request} in {where}: {said}.")
    return KitaruBackendError(f"The API server failed at the {request} in {where} (HTTP {reply.status}: {said}).")


def _conflict(settings: KubeSettings, request: str, reply: Refusal) -> KitaruError:
    owned = [one for one in reply.causes if one.reason == "FieldManagerConflict"]
    if not owned:
        return ConflictError(f"The {request} in {place(settings)} met another change: try again.")
    fields = "; ".join(f"{one.field.removeprefix('.')}: {one.message}" for one in owned)
    return OwnedError(
        f"The {request} in {place(settings)} would change what somebody else manages ({fields}): "
        "change it there, or give force=True to take it over."
    )


def silence(settings: KubeSettings, server: str, why: str) -> UnreachableError:
    """Return the error for an API server that gave no answer."""
    context = f"context {settings.context!r}" if settings.context else "the current context"
    return UnreachableError(
        f"The API server {server} of stack {settings.stack!r} ({context} of the kubeconfig) gave no answer ({why}): "
        "check that the cluster runs and can be reached."
    )
