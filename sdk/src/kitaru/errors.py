"""Every error a Kitaru user can meet, in one tree.

    KitaruError
    ├─ KitaruUsageError (ValueError)               the call or its arguments are wrong
    │   └─ KitaruWaitValidationError               an answer does not fit the wait's schema
    ├─ KitaruContextError (RuntimeError)           right call, wrong place (outside a flow, in a checkpoint)
    ├─ KitaruStateError (RuntimeError)             right call, wrong moment (retry of a running execution)
    ├─ KitaruTimeoutError (TimeoutError)           a checkpoint or a flow took longer than its timeout
    ├─ KitaruRuntimeError (RuntimeError)
    │   ├─ KitaruExecutionError                    an execution ended badly: exec_id, status, failure_origin
    │   │   ├─ KitaruUserCodeError                 its cause cannot be rebuilt here; its name is in the message
    │   │   └─ KitaruDivergenceError               code and journal do not tell the same story
    │   ├─ KitaruIsolationError                    the process of an isolated checkpoint ended before its function
    │   ├─ KitaruWaitExpiredError                  a wait's deadline passed without an answer
    │   ├─ KitaruSerializationError                a value cannot be kept: names the call and the value's path
    │   └─ KitaruBackendError                      store or cluster: retryable says whether trying again helps
    │       ├─ StoreUnavailableError               no answer, or one that leaves the outcome unknown
    │       ├─ StoreDeniedError                    the store refused the credentials
    │       ├─ StoreUnfitError                     the store lacks a property that the journal needs
    │       ├─ JournalFormatError                  the journal was written by a newer Kitaru
    │       └─ JournalBrokenError                  the journal holds what no correct writer and store leave
    └─ KitaruFeatureNotAvailableError (NotImplementedError)

Control flow that user code must not catch derives from `BaseException` and stands apart: see `Suspended`,
`Cancelled` and `Fenced`. A bare ``except:`` that swallows one of them is detected and reported.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

__all__ = [
    "Cancelled",
    "FailureOrigin",
    "Fenced",
    "JournalBrokenError",
    "JournalFormatError",
    "KitaruBackendError",
    "KitaruContextError",
    "KitaruDivergenceError",
    "KitaruError",
    "KitaruExecutionError",
    "KitaruFeatureNotAvailableError",
    "KitaruIsolationError",
    "KitaruRuntimeError",
    "KitaruSerializationError",
    "KitaruStateError",
    "KitaruTimeoutError",
    "KitaruUsageError",
    "KitaruUserCodeError",
    "KitaruWaitExpiredError",
    "KitaruWaitValidationError",
    "StoreDeniedError",
    "StoreUnavailableError",
    "StoreUnfitError",
    "Suspended",
]


class FailureOrigin(StrEnum):
    """Where a failure was seen. Set by whoever saw it, never guessed from its text."""

    USER_CODE = "user_code"
    RUNTIME = "runtime"
    BACKEND = "backend"
    DIVERGENCE = "divergence"
    UNKNOWN = "unknown"


class KitaruError(Exception):
    """The root of all errors that Kitaru raises on purpose."""

    #: A stable name for programs; the class name may change, this does not.
    code: ClassVar[str] = "error"
    #: Whether the same call may succeed when it is made again, unchanged.
    retryable: ClassVar[bool] = False


class KitaruUsageError(KitaruError, ValueError):
    """The call or one of its arguments is wrong; nothing was changed."""

    code = "usage"


class KitaruWaitValidationError(KitaruUsageError):
    """An answer does not fit the schema of its wait; the execution stays waiting."""

    code = "wait_validation"


class KitaruContextError(KitaruError, RuntimeError):
    """The call is right but stands in the wrong place: outside a flow, or inside a checkpoint."""

    code = "context"


class KitaruStateError(KitaruError, RuntimeError):
    """The execution is in a state in which the call makes no sense; nothing was changed."""

    code = "state"


class KitaruTimeoutError(KitaruError, TimeoutError):
    """A checkpoint's try, or a flow, took longer than its timeout. `timeout` is that limit in seconds."""

    code = "timeout"
    retryable = True

    def __init__(self, message: str, *, timeout: float | None = None) -> None:
        super().__init__(message)
        self.timeout = timeout


class KitaruRuntimeError(KitaruError, RuntimeError):
    """Something went wrong while Kitaru did what it was asked."""

    code = "runtime"


class KitaruExecutionError(KitaruRuntimeError):
    """An execution ended as failed or cancelled. The user's own exception, if any, is its ``__cause__``."""

    code = "execution"

    def __init__(
        self,
        message: str,
        *,
        exec_id: str | None = None,
        status: str | None = None,
        failure_origin: FailureOrigin | None = None,
    ) -> None:
        super().__init__(message)
        self.exec_id = exec_id
        self.status = status
        self.failure_origin = failure_origin


class KitaruUserCodeError(KitaruExecutionError):
    """Stands for an exception of user code whose class cannot be imported here; the message names it."""

    code = "user_code"


class KitaruDivergenceError(KitaruExecutionError):
    """The code no longer makes the calls that the journal holds."""

    code = "divergence"


class KitaruIsolationError(KitaruRuntimeError):
    """The process of an isolated checkpoint ended before its function did: killed, or out of memory."""

    code = "isolation"
    retryable = True


class KitaruWaitExpiredError(KitaruRuntimeError):
    """A wait's deadline passed without an answer and without a default. The body may catch it."""

    code = "wait_expired"

    def __init__(self, message: str, *, wait: str | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class KitaruSerializationError(KitaruRuntimeError):
    """A value cannot be kept. The message names the call and the path inside the value."""

    code = "serialization"


class KitaruBackendError(KitaruRuntimeError):
    """The store or the cluster did not do what it was asked."""

    code = "backend"


class StoreUnavailableError(KitaruBackendError):
    """The store gave no answer, or one after which it is unknown whether the request took effect."""

    code = "store_unavailable"
    retryable = True


class StoreDeniedError(KitaruBackendError):
    """The store refused the credentials or the permissions; the message names the key or bucket."""

    code = "store_denied"


class StoreUnfitError(KitaruBackendError):
    """The store lacks a property without which a journal could fork; the message names the property."""

    code = "store_unfit"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        #: The lacking property in one CamelCase word, as conditions name it.
        self.reason = reason


class JournalFormatError(KitaruBackendError):
    """The journal was written in a format that this version does not know; the message names both."""

    code = "journal_format"


class JournalBrokenError(KitaruBackendError):
    """The journal holds what no correct writer and store could have left; nothing was written."""

    code = "journal_broken"


class KitaruFeatureNotAvailableError(KitaruError, NotImplementedError):
    """The active stack cannot do this; the message says which one can."""

    code = "feature_not_available"


class Suspended(BaseException):
    """The attempt parks: only an answer can move the execution on. Never catch it.

    A ``BaseException``, so that ``except Exception`` in a flow body cannot swallow it.
    """


class Cancelled(BaseException):
    """The execution was cancelled while this attempt ran. Never catch it."""


class Fenced(BaseException):
    """A newer attempt holds the journal: this process must stop at once and write nothing more."""
