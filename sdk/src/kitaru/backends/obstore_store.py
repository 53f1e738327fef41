"""The ObjectStore port on obstore: for the runner, as it is imported in 0.03 s and writes in 1 ms.

obstore is told to retry nothing, for the reason that `kitaru.backends.boto3_store` gives.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import obstore
from obstore import exceptions, store

from kitaru.backends import s3
from kitaru.backends.s3 import Reply, S3Settings
from kitaru.ports import ObjectInfo

_ERRORS: Final = (exceptions.BaseError, FileNotFoundError)
_STATUS: Final[Mapping[type[Exception], int]] = {
    FileNotFoundError: 404,
    exceptions.PermissionDeniedError: 403,
    exceptions.UnauthenticatedError: 401,
}
#: obstore keeps the reply's body only in its error's text. The code in there is S3's, and no prose.
_CODE: Final = re.compile(r"<Code>(\w+)</Code>")
#: Attributes that are headers of HTTP's own; all others are the user's metadata, in lower case.
_HEADERS: Final = frozenset(
    {
        "Cache-Control",
        "Content-Disposition",
        "Content-Encoding",
        "Content-Language",
        "Content-Type",
        "Storage-Class",
    }
)
_PAGE: Final = 1000
#: The longest that one request may take, however much of it flows: obstore's default is 30 s.
_TRANSFER: Final = timedelta(minutes=10)


class ObstoreStore:
    """The objects of one bucket. Threads may share it, and do not wait for each other."""

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self._store = store.S3Store(
            settings.bucket,
            config=_config(settings),
            client_options={
                "allow_http": (settings.endpoint or "").startswith("http://"),
                "connect_timeout": timedelta(seconds=s3.CONNECT_TIMEOUT),
                "read_timeout": timedelta(seconds=s3.READ_TIMEOUT),
                "timeout": _TRANSFER,
            },
            retry_config={"max_retries": 0},
            credential_provider=_credentials(settings),
        )

    def get(self, key: str) -> bytes | None:
        """Return the object's content; None only if S3 said `NoSuchKey` (rule 2)."""
        with self._explained(f"get of key {key!r}"):
            try:
                return obstore.get(self._store, key).bytes().to_bytes()
            except FileNotFoundError as error:
                # versitygw answers 404 to an unknown access key, and so does a proxy to anything.
                if _code(error) != s3.NO_SUCH_KEY:
                    raise
                return None

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Write the object, whether it exists or not; a large one in parts."""
        with self._explained(f"put of key {key!r}"):
            obstore.put(self._store, key, body, attributes=s3.encode_metadata(metadata))

    def create(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> bool:
        """Write the object if there is none, by `If-None-Match: *`; return whether this wrote it."""
        with self._explained(f"create of key {key!r}"):
            try:
                obstore.put(
                    self._store,
                    key,
                    body,
                    attributes=s3.encode_metadata(metadata),
                    mode="create",
                    use_multipart=False,
                )
            except exceptions.AlreadyExistsError as error:
                # obstore says so for a 409 too, after which S3 wants the request again. A store
                # that names no code is believed when the object is there.
                code = _code(error)
                if code == s3.PRECONDITION_FAILED or (not code and self.get(key) is not None):
                    return False
                raise
            return True

    def head(self, key: str) -> ObjectInfo | None:
        """Return size and metadata of the object, None if there is no such object."""
        with self._explained(f"head of key {key!r}"):
            try:
                return self._head(key)
            except _ERRORS:
                # A reply to HEAD has no body and so no code: a GET tells what it was about.
                if self.get(key) is None:
                    return None
                return self._head(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Return the objects whose key begins with `prefix`, by key, a thousand in a request."""
        # obstore lists whole folders only: it takes `log/1` for `log/1/`.
        folder = prefix.rpartition("/")[0]
        with self._explained(f"listing of prefix {prefix!r}"):
            for page in obstore.list(self._store, folder, chunk_size=_PAGE):
                for found in page:
                    if found["path"].startswith(prefix):
                        yield ObjectInfo(key=found["path"], size=found["size"])

    def delete(self, key: str) -> None:
        """Remove the object; no error if there is none."""
        with self._explained(f"delete of key {key!r}"):
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError as error:
                if _code(error) != s3.NO_SUCH_KEY:
                    raise

    def _head(self, key: str) -> ObjectInfo:
        found = obstore.get(self._store, key, options={"head": True})
        metadata = {name: value for name, value in found.attributes.items() if name not in _HEADERS}
        return ObjectInfo(key=key, size=found.meta["size"], metadata=s3.decode_metadata(metadata))

    @contextmanager
    def _explained(self, request: str) -> Generator[None]:
        try:
            yield
        except _ERRORS as error:
            reply = Reply(_code(error), _STATUS.get(type(error), 0))
            raise s3.error(self._settings, request, reply) from error


def _config(settings: S3Settings) -> store.S3Config:
    config: store.S3Config = {
        "conditional_put": "etag",
        "virtual_hosted_style_request": settings.endpoint is None,
    }
    if settings.endpoint is not None:
        # Both names: the second one wins, and may stand in the environment.
        config["endpoint"] = settings.endpoint
        config["aws_endpoint_url_s3"] = settings.endpoint
    if settings.signing_region is not None:
        config["region"] = settings.signing_region
    return config


def _credentials(settings: S3Settings) -> store.S3CredentialProvider | None:
    """Return the given keys, None for obstore's own chain.

    As plain configuration they would be mixed with a session token that stands in the environment.
    """
    if settings.access_key is None or settings.secret_key is None:
        return None
    credentials: store.S3Credential = {
        "access_key_id": settings.access_key,
        "secret_access_key": settings.secret_key,
        "token": settings.session_token,
        "expires_at": None,
    }
    return lambda: credentials


def _code(error: Exception) -> str:
    found = _CODE.search(str(error))
    return "" if found is None else found[1]
