"""Which credentials count: those of the settings alone, else those that the environment has."""

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from kitaru.backends.s3 import S3Settings

SECONDS = 60
PROGRAM = """
import sys
from kitaru.backends.{module} import {name}
from kitaru.backends.s3 import S3Settings

bucket, endpoint, access_key, secret_key = sys.argv[1:]
store = {name}(
    S3Settings(
        bucket=bucket, endpoint=endpoint, access_key=access_key or None, secret_key=secret_key or None
    )
)
print(store.create("a", b"1"), store.get("a"))
"""
#: As a pod or a shell may have it, for another store.
OTHERS = {
    "AWS_ACCESS_KEY_ID": "another",
    "AWS_SECRET_ACCESS_KEY": "another",
    "AWS_SESSION_TOKEN": "another",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "AWS_REGION": "eu-central-1",
}

each_client = pytest.mark.parametrize(
    "program",
    [
        pytest.param(PROGRAM.format(module="boto3_store", name="Boto3Store"), id="boto3"),
        pytest.param(PROGRAM.format(module="obstore_store", name="ObstoreStore"), id="obstore"),
    ],
)


def printed(program: str, arguments: list[str], environment: Mapping[str, str]) -> str:
    """Run the program in an environment without AWS's variables but those given; return its output."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**inherited, **environment},
        timeout=SECONDS,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@each_client
def test_given_keys_stand_alone(program: str, settings: S3Settings) -> None:
    """Neither another store's keys, session token, endpoint nor region in the environment gets in."""
    arguments = [
        settings.bucket,
        str(settings.endpoint),
        str(settings.access_key),
        str(settings.secret_key),
    ]
    assert printed(program, arguments, OTHERS) == "True b'1'\n"


@each_client
def test_without_keys_the_environment_has_them(program: str, settings: S3Settings) -> None:
    """A pod's keys come from its Secret as variables, and need not be in the settings."""
    keys = {
        "AWS_ACCESS_KEY_ID": str(settings.access_key),
        "AWS_SECRET_ACCESS_KEY": str(settings.secret_key),
    }
    arguments = [settings.bucket, str(settings.endpoint), "", ""]
    assert printed(program, arguments, keys) == "True b'1'\n"


def test_without_any_credentials_boto3_says_so() -> None:
    """The error speaks of credentials before any request is made, and names the bucket."""
    program = """
from kitaru.backends.boto3_store import Boto3Store
from kitaru.backends.s3 import S3Settings
from kitaru.errors import StoreDeniedError

try:
    Boto3Store(S3Settings(bucket="journals", endpoint="http://127.0.0.1:9")).get("a")
except StoreDeniedError as error:
    print(error)
"""
    nowhere = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_CONFIG_FILE": os.devnull,
    }
    assert "no credentials for bucket 'journals'" in printed(program, [], nowhere)
