"""Durable agent flows in ordinary Python.

Decorate what composes work with `flow`, and what does work with `checkpoint`; start a flow with
`.run()`. Finished checkpoints are never repeated, whatever happens to the process.
"""

from kitaru import events
from kitaru.artifacts import load, save
from kitaru.checkpoints import checkpoint, current_call, current_execution_id, unmapped
from kitaru.client import ExecutionStatus, KitaruClient
from kitaru.core.caching import Cache
from kitaru.core.images import ImageSettings
from kitaru.core.plans import ReplayPlan
from kitaru.core.retrying import Retry
from kitaru.core.settings import KitaruConfig
from kitaru.deployments import Deployment
from kitaru.errors import (
    FailureOrigin,
    KitaruBackendError,
    KitaruContextError,
    KitaruDivergenceError,
    KitaruError,
    KitaruExecutionError,
    KitaruFeatureNotAvailableError,
    KitaruRuntimeError,
    KitaruSerializationError,
    KitaruStateError,
    KitaruTimeoutError,
    KitaruUsageError,
    KitaruUserCodeError,
    KitaruWaitExpiredError,
    KitaruWaitValidationError,
)
from kitaru.events import ExecutionEvent, progress
from kitaru.flows import flow
from kitaru.handles import FlowHandle
from kitaru.logs import log
from kitaru.settings import configure
from kitaru.waits import wait

__all__ = [
    "Cache",
    "Deployment",
    "ExecutionEvent",
    "ExecutionStatus",
    "FailureOrigin",
    "FlowHandle",
    "ImageSettings",
    "KitaruBackendError",
    "KitaruClient",
    "KitaruConfig",
    "KitaruContextError",
    "KitaruDivergenceError",
    "KitaruError",
    "KitaruExecutionError",
    "KitaruFeatureNotAvailableError",
    "KitaruRuntimeError",
    "KitaruSerializationError",
    "KitaruStateError",
    "KitaruTimeoutError",
    "KitaruUsageError",
    "KitaruUserCodeError",
    "KitaruWaitExpiredError",
    "KitaruWaitValidationError",
    "ReplayPlan",
    "Retry",
    "checkpoint",
    "configure",
    "current_call",
    "current_execution_id",
    "events",
    "flow",
    "load",
    "log",
    "progress",
    "save",
    "unmapped",
    "wait",
]
