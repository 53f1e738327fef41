"""What the operator counts, in the text format of Prometheus. Pure."""

from __future__ import annotations

import collections
from collections.abc import Iterable

from kitaru.core.phases import Phase
from kitaru_operator.cache import Facts


def render(executions: Iterable[Facts], *, queued: int, silence: float, ready: bool) -> str:
    """Return the metrics as one text. `silence` is the age in seconds of the last event or resync."""
    phases = collections.Counter(one.phase or Phase.PENDING for one in executions)
    lines = [
        "# HELP kitaru_executions Executions by phase.",
        "# TYPE kitaru_executions gauge",
        *(f'kitaru_executions{{phase="{phase}"}} {phases[phase]}' for phase in Phase),
        *_gauge("kitaru_operator_queue_length", "Keys that are ready or worked on.", queued),
        *_gauge("kitaru_operator_silence_seconds", "Age of the last event or resync.", silence),
        *_gauge("kitaru_operator_store_ready", "Whether the store is fit.", int(ready)),
    ]
    return "\n".join([*lines, ""])


def _gauge(name: str, text: str, value: float) -> tuple[str, str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} gauge", f"{name} {value:g}"
