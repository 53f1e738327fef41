"""What a refusal of the API server becomes."""

import json
from typing import Final

import pytest
from pydantic import JsonValue

from kitaru.backends import kube_errors
from kitaru.backends.kube_errors import ConflictError, DeniedError, OwnedError
from kitaru.backends.kube_settings import KubeSettings
from kitaru.backends.s3 import S3Settings
from kitaru.errors import KitaruBackendError, KitaruError, KitaruUsageError

SETTINGS: Final = KubeSettings(stack="prod", namespace="agents", s3=S3Settings(bucket="journals"))


def _error(status: int, body: dict[str, JsonValue] | str) -> KitaruError:
    text = body if isinstance(body, str) else json.dumps(body)
    return kube_errors.error(SETTINGS, "create of kitaruanswers", kube_errors.refusal(status, text))


@pytest.mark.parametrize(
    ("status", "body", "kind", "named"),
    [
        pytest.param(401, {"message": "Unauthorized"}, KitaruBackendError, "renew the credentials", id="unknown"),
        pytest.param(
            403,
            {"message": 'User "bob" cannot create resource "kitaruanswers"'},
            DeniedError,
            'create of kitaruanswers .*User "bob" cannot create .* ask for a role',
            id="forbidden",
        ),
        pytest.param(404, "404 page not found\n", KitaruBackendError, "install the chart", id="no-kinds"),
        pytest.param(
            404,
            {"message": "gone", "details": {"kind": "namespaces"}},
            KitaruBackendError,
            "no namespace 'agents' of stack 'prod'",
            id="no-namespace",
        ),
        pytest.param(409, {"message": "modified"}, ConflictError, "try again", id="conflict"),
        pytest.param(
            409,
            {
                "message": "Apply failed",
                "details": {
                    "causes": [
                        {"reason": "FieldManagerConflict", "message": 'conflict with "argocd"', "field": ".spec.image"}
                    ]
                },
            },
            OwnedError,
            'spec.image: conflict with "argocd".* force=True',
            id="owned",
        ),
        pytest.param(
            422, {"message": "spec.tag: give one."}, KitaruUsageError, r"spec\.tag: give one\.$", id="invalid"
        ),
        pytest.param(500, {"message": "etcd"}, KitaruBackendError, "HTTP 500: etcd", id="broken"),
        pytest.param(502, "<html>", KitaruBackendError, "HTTP 502: <html>", id="proxy"),
    ],
)
def test_a_refusal_says_what_to_do(
    status: int, body: dict[str, JsonValue] | str, kind: type[KitaruError], named: str
) -> None:
    """Each status is an error of its kind, which names the request, the place or the remedy."""
    error = _error(status, body)
    assert type(error) is kind
    with pytest.raises(kind, match=named):
        raise error


@pytest.mark.parametrize(
    ("status", "body", "missing"),
    [
        pytest.param(404, {"details": {"kind": "kitaruflows", "name": "x"}}, True, id="object"),
        pytest.param(404, {"details": {"kind": "namespaces"}}, False, id="namespace"),
        pytest.param(404, "404 page not found", False, id="kind"),
        pytest.param(403, {"details": {"kind": "kitaruflows"}}, False, id="forbidden"),
    ],
)
def test_only_the_object_itself_can_be_missing(status: int, body: dict[str, JsonValue] | str, *, missing: bool) -> None:
    """A 404 means that there is no such object only when it is about the object."""
    text = body if isinstance(body, str) else json.dumps(body).encode()
    assert kube_errors.refusal(status, text).missing is missing
