"""What both S3 clients share: where the bucket is, and what an error reply of S3 means.

Pure: neither boto3 nor obstore is imported here, so that each of them can do without the other.
"""

from __future__ import annotations

import string
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from kitaru.errors import (
    KitaruBackendError,
    KitaruUsageError,
    StoreDeniedError,
    StoreUnavailableError,
    StoreUnfitError,
)

#: Seconds to wait for a connection, and for the next byte of a reply.
CONNECT_TIMEOUT: Final = 5.0
READ_TIMEOUT: Final = 20.0

#: The only two codes that mean "no such object" and "the condition does not hold".
NO_SUCH_KEY: Final = "NoSuchKey"
PRECONDITION_FAILED: Final = "PreconditionFailed"

#: The reason of the `StoreUnfitError` that says that there is no bucket, as the condition StoreReady names it.
BUCKET_NOT_FOUND: Final = "BucketNotFound"

_NO_SUCH_BUCKET: Final = "NoSuchBucket"
_NOT_IMPLEMENTED: Final = "NotImplemented"
_DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccountProblem",
        "AllAccessDisabled",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidSecurity",
        "InvalidToken",
        "NotSignedUp",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "XAdminUserNotFound",  # versitygw, for an access key that it does not know; with status 404
    }
)
# A 409 of another code is a refusal for good: versitygw, a key below another object's key.
_TRANSIENT: Final = frozenset(
    {
        "ConditionalRequestConflict",  # S3: send the same conditional PUT again
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
    }
)
_DENIED_STATUS: Final = frozenset({401, 403})
_TRANSIENT_STATUS: Final = frozenset({408, 429})
_SERVER_ERRORS: Final = range(500, 600)
_SAFE: Final = "".join(sorted(set(string.punctuation) - {"%"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """Where a bucket is and who asks. Without an endpoint it is AWS, without keys the default chain.

    `endpoint` is a URL with http or https; the bucket is then addressed by path, never by host name.
    The keys come both or not at all; the secrets do not show in the settings' repr.
    """

    bucket: str
    endpoint: str | None = None
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.bucket:
            message = "The store's bucket is empty: name the bucket that holds the journals."
            raise KitaruUsageError(message)
        if (self.access_key is None) != (self.secret_key is None):
            message = (
                "The store's access key and secret key belong together: give both, or neither "
                "for the default credentials."
            )
            raise KitaruUsageError(message)
        if self.endpoint is not None:
            parts = urllib.parse.urlsplit(self.endpoint)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                message = (
                    f"The store's endpoint {self.endpoint!r} is not a URL: "
                    "write it as https://host or http://host:port."
                )
                raise KitaruUsageError(message)

    @property
    def signing_region(self) -> str | None:
        """The region to sign for: a custom endpoint without one gets what most S3-alikes expect."""
        if self.region is None and self.endpoint is not None:
            return "us-east-1"
        return self.region

    @property
    def place(self) -> str:
        """The bucket in words, for messages."""
        return f"bucket {self.bucket!r} at {self.endpoint or 'AWS'}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An error reply. `code` is S3's own ("" when the reply has none), `status` HTTP's (0: unknown).

    What counts is the code: a proxy in between answers with the same statuses, and versitygw
    answers 404 to an unknown access key, which must never read as "there is no such object".
    """

    code: str
    status: int = 0


def error(settings: S3Settings, request: str, reply: Reply) -> KitaruBackendError:
    """Return the error that `reply` to `request` ("create of key 'a/b'") stands for."""
    code, status = reply.code, reply.status
    said = f"{code or 'no S3 error code'}, HTTP {status or 'status unknown'}"
    if code in _DENIED or status in _DENIED_STATUS:
        return StoreDeniedError(
            f"The store refused the {request} in {settings.place} ({said}): check the credentials and what they may do."
        )
    if code == _NO_SUCH_BUCKET:
        return StoreUnfitError(
            f"There is no {settings.place}: create it, or correct the stack's bucket or endpoint.",
            reason=BUCKET_NOT_FOUND,
        )
    if code == _NOT_IMPLEMENTED:
        return StoreUnfitError(
            f"The store does not implement the {request} in {settings.place} ({said}): "
            "use one that supports If-None-Match on PUT.",
            reason="NotImplemented",
        )
    if _is_transient(code, status):
        return StoreUnavailableError(
            f"The store gave no usable answer to the {request} in {settings.place} ({said}): try again."
        )
    return KitaruBackendError(
        f"The store refused the {request} in {settings.place} ({said}): check the stack's endpoint, region and bucket."
    )


def silence(settings: S3Settings, request: str, why: str) -> StoreUnavailableError:
    """Return the error for a request that got no reply at all. It may have taken effect."""
    return StoreUnavailableError(f"The store gave no answer to the {request} in {settings.place} ({why}): try again.")


def _is_transient(code: str, status: int) -> bool:
    # Without a code it was not S3 that answered, but something on the way to it.
    return not code or code in _TRANSIENT or status in _TRANSIENT_STATUS or status in _SERVER_ERRORS


def encode_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Return metadata that survives HTTP headers: anything but plain ASCII is quoted."""
    return {key.lower(): urllib.parse.quote(value, safe=_SAFE) for key, value in (metadata or {}).items()}


def decode_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return what `encode_metadata` was given."""
    return {key.lower(): urllib.parse.unquote(value) for key, value in metadata.items()}
