"""What the operator tells a runner: the only reader of the pod's environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kitaru.errors import KitaruUsageError

#: Seconds, below the 30 after which the kubelet kills.
GRACE: Final = 25
#: Where the kubelet reads a container's last words.
LAST_WORDS: Final = Path("/dev/termination-log")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One attempt of one execution, and where its journal lies. The store's credentials stay in the environment.

    `uid` is the id that the storage uses; `allowance` how many failures the log may hold so that a failed execution
    may be tried again; `digest` that of the frozen spec.json; `endpoint` and `region` are None for Amazon's own;
    `grace` is how many seconds a call has to end by itself after SIGTERM, before it is abandoned.
    """

    namespace: str
    execution: str
    uid: str
    attempt: int
    allowance: int
    digest: str
    pod: str
    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    grace: int = GRACE
    last_words: Path = LAST_WORDS


def load(environment: Mapping[str, str] = os.environ) -> Assignment:
    """Return the assignment. Raises `KitaruUsageError` naming the variable that is missing or wrong."""
    return Assignment(
        namespace=_text(environment, "KITARU_NAMESPACE"),
        execution=_text(environment, "KITARU_EXECUTION_NAME"),
        uid=_text(environment, "KITARU_EXECUTION_ID"),
        attempt=_number(environment, "KITARU_ATTEMPT"),
        allowance=_number(environment, "KITARU_RETRY_ALLOWANCE"),
        digest=_text(environment, "KITARU_SPEC_DIGEST"),
        pod=environment.get("KITARU_POD_UID", ""),
        bucket=_text(environment, "KITARU_S3_BUCKET"),
        prefix=environment.get("KITARU_S3_PREFIX", ""),
        endpoint=environment.get("KITARU_S3_ENDPOINT") or None,
        region=environment.get("KITARU_S3_REGION") or None,
        grace=_number(environment, "KITARU_GRACE", GRACE),
        last_words=Path(environment.get("KITARU_TERMINATION_LOG") or LAST_WORDS),
    )


def _text(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        message = f"{name} is not set: a runner is started by the operator, which sets it."
        raise KitaruUsageError(message)
    return value


def _number(environment: Mapping[str, str], name: str, default: int | None = None) -> int:
    if default is not None and not environment.get(name):
        return default
    text = _text(environment, name)
    if not text.isdecimal():
        message = f"{name} is {text!r}: it must be a whole number."
        raise KitaruUsageError(message)
    return int(text)
