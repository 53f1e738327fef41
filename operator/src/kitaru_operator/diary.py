"""What the operator has decided, one line each at INFO: what is not here, it did not do."""

from __future__ import annotations

import logging
from typing import Final

from kitaru.core.resources import conditions
from kitaru.core.resources.answer import AnswerStatus, KitaruAnswer
from kitaru.core.resources.conditions import ExecutionCondition, Reason
from kitaru.core.resources.execution import ExecutionStatus, KitaruExecution

_LOG: Final = logging.getLogger(__name__)
#: Conditions of the runner that come and go with every attempt.
_USUAL: Final = frozenset(
    {Reason.NOT_STARTED, Reason.STARTING, Reason.RUNNING, Reason.PARKED, Reason.FINISHED},
)


def attempt_started(execution: KitaruExecution, pod: str) -> None:
    """An attempt's pod was made."""
    _LOG.info("attempt started", extra={**_of(execution), "attempt": execution.status.attempt, "pod": pod})


def reported(execution: KitaruExecution, status: ExecutionStatus) -> None:
    """The status was written; `execution` is what it was before: what it entered, and what keeps it from running."""
    facts = {**_of(execution), "attempt": status.attempt, "phase": status.phase}
    if status.phase is not execution.status.phase:
        succeeded = conditions.condition(status.conditions, ExecutionCondition.SUCCEEDED)
        why = succeeded.message if succeeded is not None else ""
        _LOG.info("execution is %s", status.phase, extra={**facts, "from": execution.status.phase, "why": why})
    new = conditions.condition(status.conditions, ExecutionCondition.RUNNER_READY)
    old = conditions.condition(execution.status.conditions, ExecutionCondition.RUNNER_READY)
    if new is None or new.reason in _USUAL or (old is not None and old.reason == new.reason):
        return
    _LOG.info("no runner: %s", new.reason, extra={**facts, "why": new.message})


def judged(answer: KitaruAnswer, status: AnswerStatus) -> None:
    """An answer was told something else than before."""
    facts = {
        "namespace": answer.metadata.namespace,
        "answer": answer.metadata.name,
        "execution": answer.spec.execution,
        "wait": answer.spec.wait,
    }
    _LOG.info("answer is %s: %s", status.phase, status.reason, extra={**facts, "why": status.message})


def data_left(execution: KitaruExecution, uri: str) -> None:
    """A resource went, and its data did not."""
    _LOG.warning("data may be left", extra={**_of(execution), "uri": uri})


def _of(execution: KitaruExecution) -> dict[str, str]:
    return {"namespace": execution.metadata.namespace, "execution": execution.metadata.name}
