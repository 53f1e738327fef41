"""What both S3 clients share: settings, metadata in headers, and the meaning of error replies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitaru.backends import s3
from kitaru.backends.s3 import Reply, S3Settings
from kitaru.errors import (
    KitaruBackendError,
    KitaruUsageError,
    StoreDeniedError,
    StoreUnavailableError,
    StoreUnfitError,
)

HERE = S3Settings(bucket="journals", endpoint="http://s3.test:9000")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(Reply("AccessDenied", 403), StoreDeniedError, id="403"),
        pytest.param(Reply("", 403), StoreDeniedError, id="403-without-code"),
        pytest.param(Reply("", 401), StoreDeniedError, id="401-without-code"),
        pytest.param(Reply("InvalidAccessKeyId"), StoreDeniedError, id="code-without-status"),
        pytest.param(Reply("XAdminUserNotFound", 404), StoreDeniedError, id="versitygw-user"),
        pytest.param(Reply("ExpiredToken", 400), StoreDeniedError, id="expired"),
        pytest.param(Reply("NoSuchBucket", 404), StoreUnfitError, id="bucket"),
        pytest.param(Reply("NotImplemented", 501), StoreUnfitError, id="501"),
        pytest.param(Reply("SlowDown", 503), StoreUnavailableError, id="503"),
        pytest.param(Reply("Weird", 599), StoreUnavailableError, id="5xx"),
        pytest.param(Reply("Weird", 429), StoreUnavailableError, id="429"),
        pytest.param(Reply("ConditionalRequestConflict", 409), StoreUnavailableError, id="409"),
        pytest.param(Reply("ObjectParentIsFile", 409), KitaruBackendError, id="409-for-good"),
        pytest.param(Reply("", 404), StoreUnavailableError, id="404-without-code"),
        pytest.param(Reply(""), StoreUnavailableError, id="nothing-known"),
        pytest.param(Reply("PermanentRedirect", 301), KitaruBackendError, id="region"),
    ],
)
def test_a_reply_has_one_meaning(reply: Reply, error: type[KitaruBackendError]) -> None:
    """The code counts before the status; what is unknown may be tried again."""
    assert type(s3.error(HERE, "get of key 'a'", reply)) is error


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        pytest.param(
            Reply("AccessDenied", 403),
            "The store refused the get of key 'a' in bucket 'journals' at http://s3.test:9000 "
            "(AccessDenied, HTTP 403): check the credentials and what they may do.",
            id="denied",
        ),
        pytest.param(
            Reply("NoSuchBucket", 404),
            "There is no bucket 'journals' at http://s3.test:9000: create it, or correct the "
            "stack's bucket or endpoint.",
            id="bucket",
        ),
    ],
)
def test_an_error_says_where_and_what_to_do(reply: Reply, message: str) -> None:
    """The message names the request, the bucket, the endpoint and the remedy."""
    assert str(s3.error(HERE, "get of key 'a'", reply)) == message


@given(
    st.dictionaries(
        st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1),
        st.text(st.characters(exclude_categories=["Cs"])),
    )
)
def test_metadata_survives_headers(metadata: dict[str, str]) -> None:
    """Any text becomes plain ASCII without blanks, and itself again."""
    encoded = s3.encode_metadata(metadata)
    assert all(value.isascii() and value.isprintable() for value in encoded.values())
    assert not any(" " in value for value in encoded.values())
    assert s3.decode_metadata(encoded) == metadata


def test_plain_metadata_stays_readable() -> None:
    """What people look at in the bucket is not quoted for nothing."""
    metadata = {"type": "list[dict[str, int]]", "codec": "json", "Python": "3.11.7"}
    assert s3.encode_metadata(metadata) == {
        "type": "list[dict[str,%20int]]",
        "codec": "json",
        "python": "3.11.7",
    }


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        pytest.param({"bucket": ""}, "bucket", id="no-bucket"),
        pytest.param({"bucket": "b", "access_key": "a"}, "secret key", id="half-a-key"),
        pytest.param({"bucket": "b", "secret_key": "s"}, "access key", id="other-half"),
        pytest.param({"bucket": "b", "endpoint": "s3.test:9000"}, "endpoint", id="no-scheme"),
        pytest.param({"bucket": "b", "endpoint": "ftp://s3.test"}, "endpoint", id="not-http"),
        pytest.param({"bucket": "b", "endpoint": "https://"}, "endpoint", id="no-host"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, str], named: str) -> None:
    """The message names the field, before any request is made."""
    with pytest.raises(KitaruUsageError, match=named):
        S3Settings(**wrong)


def test_secrets_do_not_show() -> None:
    """Settings may be logged: their text has no secret."""
    text = repr(S3Settings(bucket="b", access_key="id", secret_key="hush", session_token="hush"))
    assert "hush" not in text


def test_the_region_is_guessed_for_custom_endpoints_only() -> None:
    """At AWS the client knows better."""
    assert HERE.signing_region == "us-east-1"
    assert S3Settings(bucket="b").signing_region is None
    assert S3Settings(bucket="b", region="eu-west-1").signing_region == "eu-west-1"
