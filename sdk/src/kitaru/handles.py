"""What starting and deploying a flow hands back."""

from __future__ import annotations

from typing import Final, Generic, NoReturn, TypeVar

from kitaru import connect
from kitaru.connect import Stack
from kitaru.core import failures, phases, snapshots
from kitaru.core.head import Head
from kitaru.core.located import Located
from kitaru.core.phases import Phase, Status
from kitaru.core.views import FailureInfo
from kitaru.errors import (
    FailureOrigin,
    KitaruDivergenceError,
    KitaruExecutionError,
    KitaruStateError,
    KitaruUserCodeError,
)

R = TypeVar("R")

#: Seconds for which a waiting client leaves it to the stack to say that something changed.
_PATIENCE: Final = 60.0


class FlowHandle(Generic[R]):
    """An execution, held by whoever started it or asked for it. Get one from `.run()` or a client."""

    def __init__(self, stack: Stack, exec_id: str, *, allow_pickle: bool, began: bool = False) -> None:
        self._stack = stack
        #: Whether it was started here a moment ago, so that it is not yet worth a look.
        self._began = began
        self._exec_id = exec_id
        self._allow_pickle = allow_pickle
        self._head: Head | None = None

    def __repr__(self) -> str:
        return f"FlowHandle(exec_id={self._exec_id!r})"

    @property
    def exec_id(self) -> str:
        """The execution's id, by which every process finds it."""
        return self._exec_id

    @property
    def status(self) -> Status:
        """What the execution is doing now; each access looks."""
        return phases.status_of(self._look()[1])

    def wait(self) -> R:
        """Return what the flow returned, once it did; a waiting execution is waited for too.

        Raises `KitaruExecutionError` when it failed or was cancelled (`KitaruUserCodeError` when
        user code raised: that exception is the cause, as far as it can be rebuilt here).
        """
        while True:
            if not self._began:
                located, phase = self._look()
                if phases.status_of(phase).is_finished:
                    return self._settle(located, phase)
            self._began = False
            self._stack.executions.await_change(self._exec_id, _PATIENCE)

    def get(self) -> R:
        """Return what the flow returned, without waiting.

        Raises `KitaruStateError` while the execution is not finished, and what `wait` raises.
        """
        located, phase = self._look()
        status = phases.status_of(phase)
        if not status.is_finished:
            message = f"Execution {self._exec_id} is {status}: wait for it with .wait()."
            raise KitaruStateError(message)
        return self._settle(located, phase)

    def _look(self) -> tuple[Located, Phase]:
        located = self._stack.executions.locate(self._exec_id)
        self._head = connect.read_head(self._stack, located, self._head)
        return located, snapshots.phase(located.phase, self._head)

    def _settle(self, located: Located, phase: Phase) -> R:
        head = self._head or Head()
        if phase is Phase.COMPLETED and head.result is not None:
            allow = self._allow_pickle
            return connect.load_value(self._stack, located, head.result, allow_pickle=allow)
        self._raise(located, phase, head)

    def _raise(self, located: Located, phase: Phase, head: Head) -> NoReturn:
        status = phases.status_of(phase)
        if phase is not Phase.FAILED:
            message = _sentence(self._exec_id, status, head.reason or located.reason)
            raise KitaruExecutionError(message, exec_id=self._exec_id, status=status)
        info = snapshots.failure_of(head, located)
        cause = None
        if head.failure is not None and info.exception_type is not None:
            cause = failures.rebuild(head.failure, allow_pickle=self._allow_pickle)
        error = _error_class(info.origin)
        message = f"{_sentence(self._exec_id, status, _told(info))}{_hint(self._exec_id)}"
        raise error(message, exec_id=self._exec_id, status=status, failure_origin=info.origin) from cause


def _error_class(origin: FailureOrigin) -> type[KitaruExecutionError]:
    match origin:
        case FailureOrigin.USER_CODE:
            return KitaruUserCodeError
        case FailureOrigin.DIVERGENCE:
            return KitaruDivergenceError
        case _:
            return KitaruExecutionError


def _told(info: FailureInfo) -> str:
    """Return the exception's class and the first line of what it says; groups and notes have many more.

    Of a divergence all lines: they are the two sequences.
    """
    if info.origin is FailureOrigin.DIVERGENCE:
        return info.message
    said = next(iter(info.message.splitlines()), "")
    if info.exception_type is None:
        return said
    name = info.exception_type.removeprefix("builtins.")
    return f"{name}: {said}" if said else name


def _sentence(exec_id: str, status: Status, reason: str | None) -> str:
    text = f"Execution {exec_id} finished with status '{status}'."
    return f"{text} {reason}" if reason else text


def _hint(exec_id: str) -> str:
    return (
        "\nTo retry this failed execution, run:\n\n"
        f"  kitaru executions retry {exec_id}\n\n"
        f"or in Python: kitaru.KitaruClient().executions.retry({exec_id!r})"
    )
