"""The operator's settings: the only place that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping

from kitaru.errors import KitaruUsageError
from kitaru_operator.settings import CREDENTIALS, S3, Settings


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings, or raise `KitaruUsageError` naming the variable that is missing or wrong."""
    values = os.environ if environment is None else environment
    bucket = values.get("KITARU_S3_BUCKET", "")
    if not bucket:
        message = "KITARU_S3_BUCKET is not set: name the bucket that holds the journals."
        raise KitaruUsageError(message)
    s3 = S3(
        bucket=bucket,
        endpoint=values.get("KITARU_S3_ENDPOINT") or None,
        prefix=values.get("KITARU_S3_PREFIX", "").strip("/"),
        region=values.get("KITARU_S3_REGION") or None,
    )
    names = values.get("KITARU_WATCH_NAMESPACES", "").split(",")
    return Settings(
        s3=s3,
        credentials=values.get("KITARU_RUNNER_SECRET", CREDENTIALS),
        namespaces=tuple(name.strip() for name in names if name.strip()),
        health_host=values.get("KITARU_HEALTH_HOST") or None,
        health_port=_port(values.get("KITARU_HEALTH_PORT") or "8080"),
        log_level=values.get("KITARU_LOG_LEVEL") or "INFO",
    )


def _port(text: str) -> int:
    if not text.isdecimal():
        message = f"KITARU_HEALTH_PORT is {text!r}: give a port number."
        raise KitaruUsageError(message)
    return int(text)
