"""A runner that lives on after its pod was force-deleted and its replacement finished."""

import os
import signal

from tests.e2e.support import processes
from tests.e2e.support.space import Space


def test_what_a_zombie_commits_is_refused_and_the_history_is_the_replacements(space: Space) -> None:
    """It wakes, finishes its checkpoint and tries to commit it: not one record is added, and its process ends."""
    execution = space.start(space.deploy("steps:steps"))
    space.open_gate(execution, "between")
    space.await_effect(execution, "second")
    pod = space.await_pod(execution, 1)
    with processes.frozen(processes.running(space, pod)) as zombie:
        space.delete_pod(pod, grace=0)
        space.open_gate(execution, "second-2")
        space.await_phase(execution, "Completed")
        history = space.records(execution)
        space.open_gate(execution, "second-1")
        os.kill(zombie, signal.SIGCONT)
        space.await_effect(execution, "second-1")
        space.until(lambda: processes.has_ended(zombie), "the zombie to end")
    assert space.records(execution) == history
    status = space.status(execution)
    assert (status.phase, status.result, status.attempt) == ("Completed", "121", 2)
    assert space.effects(execution) == {
        "first": 1,
        "between": 2,
        "second": 2,
        "second-1": 1,
        "second-2": 1,
        "third": 1,
    }
