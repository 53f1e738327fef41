"""What these flows do to the outside world: objects in the bucket, by which a test counts and steers them."""

import os
import secrets
import time
from functools import cache
from typing import Final

import obstore
from obstore.store import S3Store

#: Seconds for which a body stays at a gate: the test that would open it has failed by then.
_PATIENCE: Final = 300.0
_INTERVAL: Final = 0.05


def happen(effect: str) -> None:
    """Leave one object more under this name; each call leaves its own."""
    obstore.put(_store(), f"{_room('effects')}/{effect}/{secrets.token_hex(6)}", b"")


def pass_gate(gate: str) -> None:
    """Stay until the test opens the gate."""
    deadline = time.monotonic() + _PATIENCE
    while not is_open(gate):
        if time.monotonic() > deadline:
            message = f"the gate {gate} was not opened within {_PATIENCE:g} s"
            raise TimeoutError(message)
        time.sleep(_INTERVAL)


def is_open(gate: str) -> bool:
    """Whether the test has opened the gate."""
    try:
        obstore.head(_store(), f"{_room('gates')}/{gate}")
    except FileNotFoundError:
        return False
    return True


def attempt() -> int:
    """Return the number of the attempt that this process is."""
    return int(os.environ["KITARU_ATTEMPT"])


def _room(kind: str) -> str:
    return f"{os.environ['KITARU_NAMESPACE']}/{kind}/{os.environ['KITARU_EXECUTION_NAME']}"


@cache
def _store() -> S3Store:
    return S3Store(
        os.environ["KITARU_S3_BUCKET"],
        endpoint=os.environ["KITARU_S3_ENDPOINT"],
        region=os.environ["KITARU_S3_REGION"],
        client_options={"allow_http": True},
    )
