"""What you need to test your own flows: a stack that is gone afterwards, scripted answers, a clock, crash points.

from kitaru import testing

def test_publishing():
    with testing.memory_stack(answers={"approve": {"approved": True}}) as stack:
        assert publish.run("durable agents", stack=stack).wait() == "published"

def test_that_no_crash_repeats_finished_work():
    testing.crash_everywhere(publish, "durable agents", answers={"approve": {"approved": True}})
"""

from kitaru.testing.clocks import TurnedClock
from kitaru.testing.crashes import CrashReport, crash_everywhere
from kitaru.testing.stacks import MemoryStack, UnansweredWaitError, memory_stack

__all__ = [
    "CrashReport",
    "MemoryStack",
    "TurnedClock",
    "UnansweredWaitError",
    "crash_everywhere",
    "memory_stack",
]
