"""The environment of a runner's pod."""

from pathlib import Path
from typing import Final

import pytest

from kitaru.errors import KitaruUsageError
from kitaru_runner import config

GIVEN: Final = {
    "KITARU_NAMESPACE": "agents",
    "KITARU_EXECUTION_NAME": "research-x7k2p",
    "KITARU_EXECUTION_ID": "uid",
    "KITARU_ATTEMPT": "3",
    "KITARU_RETRY_ALLOWANCE": "1",
    "KITARU_SPEC_DIGEST": "sha256:00",
    "KITARU_S3_BUCKET": "journals",
}


def test_what_is_not_set_has_its_default() -> None:
    """Without the optional variables the store is Amazon's, and the last words go where the kubelet reads."""
    given = config.load(GIVEN)
    assert (given.attempt, given.allowance, given.pod) == (3, 1, "")
    assert (given.endpoint, given.region, given.prefix) == (None, None, "")
    assert (given.grace, given.last_words) == (25, Path("/dev/termination-log"))


def test_what_is_set_is_taken() -> None:
    """Each optional variable is read."""
    more = {
        "KITARU_POD_UID": "pod",
        "KITARU_S3_ENDPOINT": "http://s3:9000",
        "KITARU_S3_REGION": "eu",
        "KITARU_S3_PREFIX": "kitaru",
        "KITARU_GRACE": "5",
        "KITARU_TERMINATION_LOG": "/run/words",
    }
    given = config.load({**GIVEN, **more})
    assert (given.pod, given.endpoint, given.region) == ("pod", "http://s3:9000", "eu")
    assert (given.prefix, given.grace, given.last_words) == ("kitaru", 5, Path("/run/words"))


@pytest.mark.parametrize("name", GIVEN)
def test_a_missing_variable_is_named(name: str) -> None:
    """Without a variable that the operator sets, the message says which."""
    with pytest.raises(KitaruUsageError, match=name):
        config.load({**GIVEN, name: ""})


@pytest.mark.parametrize("number", ["-1", "two", "1.5"])
def test_a_number_that_is_none_is_named(number: str) -> None:
    """A number that is not one is refused with its variable and value."""
    with pytest.raises(KitaruUsageError, match=f"KITARU_ATTEMPT is '{number}'"):
        config.load({**GIVEN, "KITARU_ATTEMPT": number})
