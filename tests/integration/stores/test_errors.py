"""What goes wrong with a real store, and which error says so."""

import socket
from collections.abc import Callable
from dataclasses import replace

import pytest

from kitaru.backends.s3 import S3Settings
from kitaru.errors import (
    KitaruBackendError,
    StoreDeniedError,
    StoreUnavailableError,
    StoreUnfitError,
)
from kitaru.ports import ObjectStore
from kitaru_cluster.s3 import S3
from tests.integration.stores import proxy
from tests.integration.stores.clients import Connect
from tests.integration.stores.proxy import Behaviour

OPERATIONS: list[tuple[str, Callable[[ObjectStore], object]]] = [
    ("get", lambda store: store.get("a/b")),
    ("put", lambda store: store.put("a/b", b"")),
    ("create", lambda store: store.create("a/b", b"")),
    ("head", lambda store: store.head("a/b")),
    ("list", lambda store: list(store.list("a/b"))),
    ("delete", lambda store: store.delete("a/b")),
]
each_operation = pytest.mark.parametrize("operation", [pytest.param(call, id=name) for name, call in OPERATIONS])
Operation = Callable[[ObjectStore], object]


@each_operation
@pytest.mark.parametrize("wrong", ["access_key", "secret_key"])
def test_wrong_credentials_are_denied(wrong: str, operation: Operation, settings: S3Settings, connect: Connect) -> None:
    """No operation takes a refusal for a missing object; the message names key and bucket."""
    store = connect(replace(settings, **{wrong: "wrong"}))
    with pytest.raises(StoreDeniedError, match=rf"'a/b' in bucket '{settings.bucket}'"):
        operation(store)


@each_operation
def test_a_missing_bucket_is_named(operation: Operation, settings: S3Settings, connect: Connect) -> None:
    """Without its bucket, a store has no objects that could be missing."""
    with pytest.raises(KitaruBackendError, match="no bucket 'no-such-bucket'") as caught:
        operation(connect(replace(settings, bucket="no-such-bucket")))
    assert not caught.value.retryable


@each_operation
def test_an_endpoint_that_is_down_is_unavailable(operation: Operation, settings: S3Settings, connect: Connect) -> None:
    """A refused connection may be tried again."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        endpoint = f"http://127.0.0.1:{gone.getsockname()[1]}"
    with pytest.raises(StoreUnavailableError, match="a/b"):
        operation(connect(replace(settings, endpoint=endpoint)))


@each_operation
@pytest.mark.parametrize(
    "case",
    [
        pytest.param((proxy.hang_up, StoreUnavailableError), id="hangs-up"),
        pytest.param((proxy.answers(503, "SlowDown"), StoreUnavailableError), id="503"),
        pytest.param((proxy.answers(500, "InternalError"), StoreUnavailableError), id="500"),
        pytest.param((proxy.answers(502), StoreUnavailableError), id="502-page"),
        pytest.param((proxy.answers(429), StoreUnavailableError), id="429-page"),
        pytest.param((proxy.answers(404), StoreUnavailableError), id="404-page"),
        pytest.param((proxy.answers(409, "ConditionalRequestConflict"), StoreUnavailableError), id="409"),
        pytest.param((proxy.answers(404, "XAdminUserNotFound"), StoreDeniedError), id="404-user"),
        pytest.param((proxy.answers(403, "AccessDenied"), StoreDeniedError), id="403"),
        pytest.param((proxy.answers(400, "ExpiredToken"), StoreDeniedError), id="400-expired"),
        pytest.param((proxy.answers(501, "NotImplemented"), StoreUnfitError), id="501"),
        pytest.param((proxy.answers(400, "InvalidRequest"), KitaruBackendError), id="400"),
    ],
)
def test_a_reply_means_the_same_to_both_clients(
    case: tuple[Behaviour, type[KitaruBackendError]],
    operation: Operation,
    s3_server: S3,
    settings: S3Settings,
    connect: Connect,
) -> None:
    """A write is sent once, and its reply becomes exactly one kind of error."""
    behaviour, error = case
    with proxy.before(s3_server, behaviour) as before:
        store = connect(replace(settings, endpoint=before.url))
        with pytest.raises(error) as caught:
            operation(store)
    assert type(caught.value) is error
    writes = [one for one in before.requests if one.method in {"PUT", "POST", "DELETE"}]
    assert len(writes) <= 1


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(proxy.lose_replies, id="connection-lost"),
        pytest.param(proxy.fail_afterwards, id="gateway-timeout"),
    ],
)
def test_an_own_create_never_turns_into_exists(
    behaviour: Behaviour, s3_server: S3, settings: S3Settings, connect: Connect
) -> None:
    """A create whose reply is lost is unknown, not refused: no client sends it again by itself."""
    with proxy.before(s3_server, behaviour) as before:
        store = connect(replace(settings, endpoint=before.url))
        with pytest.raises(StoreUnavailableError):
            store.create("log/0", b"mine")
        assert len(before.requests) == 1
    direct = connect(settings)
    assert direct.get("log/0") == b"mine"
    assert direct.create("log/0", b"mine") is False


def test_a_store_that_names_no_code_is_believed_when_the_object_is_there(
    s3_server: S3, settings: S3Settings, connect: Connect
) -> None:
    """A bare 412 without S3's XML is a refusal too."""

    def bare(request: proxy.Request, forward: proxy.Forward) -> proxy.Reply:
        reply = forward(request)
        return proxy.Reply(412) if reply.status == 412 else reply

    with proxy.before(s3_server, bare) as before:
        store = connect(replace(settings, endpoint=before.url))
        assert [store.create("a", b"1"), store.create("a", b"2")] == [True, False]
