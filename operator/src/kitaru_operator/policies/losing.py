"""Why an attempt was lost, in words for people. It decides nothing (rule 14)."""

from __future__ import annotations

from kitaru_operator.policies.case import Case


def cause(case: Case) -> str:
    """Return what is known of the end of the attempt's pod."""
    pod = case.pod
    if pod is None:
        return "its pod was deleted"
    if pod.end:
        return pod.end
    if pod.node in case.observed.lost_nodes:
        return f"its node {pod.node} is gone or unreachable"
    return "its pod was deleted" if pod.deleted_at is not None else f"its pod ended as {pod.phase}"
