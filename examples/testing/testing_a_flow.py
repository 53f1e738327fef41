"""Tests of a flow that asks a person: python examples/testing/testing_a_flow.py, or pytest with the same file.

Prints

    a yes publishes: passed
    silence drops it after a week: passed
    no crash repeats finished work: passed
"""

import time
from datetime import timedelta

import kitaru
from kitaru import testing


@kitaru.checkpoint
def publish(text: str) -> str:
    """Tell the world."""
    return f"PUBLISHED: {text}"


@kitaru.flow
def article(topic: str) -> str:
    """Publish what somebody approves of within a week."""
    approved = kitaru.wait(schema=bool, name="approve", deadline=timedelta(days=7), default=False)
    return publish(topic) if approved else f"DROPPED: {topic}"


def check(outcome: str, expected: str) -> None:
    """Raise `AssertionError` when the outcome is another one."""
    if outcome != expected:
        raise AssertionError(outcome)


def test_a_yes_publishes() -> None:
    """The scripted answer stands for a person's."""
    with testing.memory_stack(answers={"approve": True}) as stack:
        check(article.run("tides", stack=stack).wait(), "PUBLISHED: tides")


def test_silence_drops_it_after_a_week() -> None:
    """The clock is turned on; nobody waits for a week."""
    with testing.memory_stack() as stack:
        handle = article.run("tides", stack=stack)
        while handle.status is not kitaru.ExecutionStatus.WAITING:
            time.sleep(0.01)
        stack.clock.advance(timedelta(days=8))
        check(handle.wait(), "DROPPED: tides")


def test_no_crash_repeats_finished_work() -> None:
    """The flow dies before and after each write of its journal, and goes on each time."""
    report = testing.crash_everywhere(article, "tides", answers={"approve": True})
    check(str(report.result), "PUBLISHED: tides")


def main() -> None:
    """Run the tests without pytest."""
    for test in (test_a_yes_publishes, test_silence_drops_it_after_a_week, test_no_crash_repeats_finished_work):
        test()
        print(f"{test.__name__.removeprefix('test_').replace('_', ' ')}: passed")


if __name__ == "__main__":
    main()
