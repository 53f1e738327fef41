"""The ObjectStore port on boto3: for clients and operator, as it knows every source of credentials.

boto3 is told to retry nothing. A retry of its own turns a create whose reply was lost into "exists
already", and `create` must say whether this very request wrote (rule 1): whoever sends it again has
to know by the record's id what it sent. For the other operations, see `kitaru.backends.retrying`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

import boto3
from botocore import exceptions, parsers
from botocore.config import Config

from kitaru.backends import s3
from kitaru.backends.s3 import Reply, S3Settings
from kitaru.errors import KitaruBackendError, StoreDeniedError
from kitaru.ports import ObjectInfo

_CREDENTIALS: Final = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.TokenRetrievalError,
    exceptions.ProfileNotFound,
)
_UNANSWERED: Final = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    parsers.ResponseParserError,  # a proxy's page in place of S3's XML
)
#: Connections that are kept open; further threads open and close their own.
_POOL: Final = 32
_PRECONDITION_FAILED: Final = 412


class Boto3Store:
    """The objects of one bucket. Threads may share it: a boto3 client is thread-safe.

    `read_timeout` is how many seconds it waits for the next byte of a reply.
    """

    def __init__(self, settings: S3Settings, read_timeout: float = s3.READ_TIMEOUT) -> None:
        self._settings = settings
        session = boto3.session.Session(
            aws_access_key_id=settings.access_key,
            aws_secret_access_key=settings.secret_key,
            aws_session_token=settings.session_token,
        )
        self._client = session.client(
            "s3",
            endpoint_url=settings.endpoint,
            region_name=settings.signing_region,
            config=_config(settings, read_timeout),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; they open again when they are needed."""
        self._client.close()

    def get(self, key: str) -> bytes | None:
        """Return the object's content; None only if S3 said `NoSuchKey` (rule 2)."""
        with self._explained(f"get of key {key!r}"):
            try:
                return self._client.get_object(Bucket=self._settings.bucket, Key=key)["Body"].read()
            except exceptions.ClientError as error:
                if _reply(error).code == s3.NO_SUCH_KEY:
                    return None
                raise

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Write the object, whether it exists or not."""
        with self._explained(f"put of key {key!r}"):
            self._client.put_object(
                Bucket=self._settings.bucket,
                Key=key,
                Body=body,
                Metadata=s3.encode_metadata(metadata),
            )

    def create(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> bool:
        """Write the object if there is none, by `If-None-Match: *`; return whether this wrote it."""
        with self._explained(f"create of key {key!r}"):
            try:
                self._client.put_object(
                    Bucket=self._settings.bucket,
                    Key=key,
                    Body=body,
                    Metadata=s3.encode_metadata(metadata),
                    IfNoneMatch="*",
                )
            except exceptions.ClientError as error:
                if _reply(error).status == _PRECONDITION_FAILED:
                    return False
                raise
            return True

    def head(self, key: str) -> ObjectInfo | None:
        """Return size and metadata of the object, None if there is no such object."""
        with self._explained(f"head of key {key!r}"):
            try:
                return self._head(key)
            except exceptions.ClientError:
                # A reply to HEAD has no body and so no code: a GET tells what it was about.
                if self.get(key) is None:
                    return None
                return self._head(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Return the objects whose key begins with `prefix`, by key, a thousand in a request."""
        with self._explained(f"listing of prefix {prefix!r}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._settings.bucket, Prefix=prefix)
            for page in pages:
                for found in page.get("Contents", ()):
                    yield ObjectInfo(key=found.get("Key", ""), size=found.get("Size", 0))

    def delete(self, key: str) -> None:
        """Remove the object; no error if there is none."""
        with self._explained(f"delete of key {key!r}"):
            try:
                self._client.delete_object(Bucket=self._settings.bucket, Key=key)
            except exceptions.ClientError as error:
                if _reply(error).code != s3.NO_SUCH_KEY:
                    raise

    def _head(self, key: str) -> ObjectInfo:
        found = self._client.head_object(Bucket=self._settings.bucket, Key=key)
        return ObjectInfo(
            key=key,
            size=found["ContentLength"],
            metadata=s3.decode_metadata(found["Metadata"]),
        )

    @contextmanager
    def _explained(self, request: str) -> Generator[None]:
        try:
            yield
        except exceptions.ClientError as error:
            raise s3.error(self._settings, request, _reply(error)) from error
        except _CREDENTIALS as error:
            message = (
                f"There are no credentials for {self._settings.place}: "
                "set them in the stack, or where boto3 looks for them."
            )
            raise StoreDeniedError(message) from error
        except _UNANSWERED as error:
            raise s3.silence(self._settings, request, type(error).__name__) from error
        except exceptions.BotoCoreError as error:
            message = f"The {request} in {self._settings.place} cannot be sent: {error}."
            raise KitaruBackendError(message) from error


def _config(settings: S3Settings, read_timeout: float) -> Config:
    return Config(
        signature_version="s3v4",
        connect_timeout=s3.CONNECT_TIMEOUT,
        read_timeout=read_timeout,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=_POOL,
        # The checksums that newer versions send by themselves are refused by many S3-alikes.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if settings.endpoint else "auto"},
    )


def _reply(error: exceptions.ClientError) -> Reply:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    # boto3 gives the status in place of the code when the reply has no body.
    return Reply("" if code.isdigit() else code, status)
