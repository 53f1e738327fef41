"""The operator's settings as values. Where they come from is `kitaru_operator.config`'s business."""

from __future__ import annotations

from dataclasses import dataclass

#: The Secret with the store's credentials in each namespace that runs flows, unless the chart says otherwise.
CREDENTIALS = "kitaru-s3"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3:
    """Where journals lie. Without `endpoint` it is AWS; `prefix` may be empty."""

    bucket: str
    endpoint: str | None = None
    prefix: str = ""
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the chart sets.

    `credentials` names the Secret with the store's credentials in each namespace that runs flows, empty where pods
    have an identity that the store knows; `namespaces` are those to watch, empty for all; `health_host` (None: all
    addresses) and `health_port` are where probes ask.
    """

    s3: S3
    credentials: str = CREDENTIALS
    namespaces: tuple[str, ...] = ()
    health_host: str | None = None
    health_port: int = 8080
    log_level: str = "INFO"
