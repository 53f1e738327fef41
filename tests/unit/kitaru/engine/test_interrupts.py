"""A KeyboardInterrupt or GeneratorExit of user code: a failure, where nobody pressed Ctrl-C."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from kitaru.checkpoints import checkpoint
from kitaru.core.journal import Raised
from kitaru.engine.attempt import Completed, Failed, Outcome
from tests.laws.kit import Bench

ERRORS = pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit], ids=lambda error: error.__name__)


def _elsewhere(bench: Bench) -> Outcome:
    """Run an attempt in a thread that no Ctrl-C reaches."""
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(bench.attempt).result(timeout=60)
    assert outcome is not None
    return outcome


@ERRORS
def test_what_a_checkpoint_raises_is_its_outcome(error: type[BaseException]) -> None:
    """It is recorded, so that no later attempt makes the call again, and the body may catch it."""

    @checkpoint
    def halting() -> None:
        raise error

    def flow() -> str:
        try:
            halting()
        except error as caught:
            return type(caught).__name__
        return "went on"

    bench = Bench(flow)
    outcome = _elsewhere(bench)
    assert isinstance(outcome, Completed)
    raised = [one for slot in bench.slots() for one in slot.records if isinstance(one, Raised)]
    assert [one.failure.type for one in raised] == [error.__name__]


@ERRORS
def test_what_a_body_raises_fails_the_flow(error: type[BaseException]) -> None:
    """An attempt that ended without a record would be made again and again."""

    def flow() -> None:
        raise error

    outcome = _elsewhere(Bench(flow))
    assert isinstance(outcome, Failed)
    assert outcome.failure.type == error.__name__


def test_ctrl_c_in_the_main_thread_still_ends_the_process() -> None:
    """The interpreter raises it there, and nothing is recorded: the execution goes on later."""

    @checkpoint
    def interrupted() -> None:
        raise KeyboardInterrupt

    def flow() -> None:
        interrupted()

    bench = Bench(flow)
    with pytest.raises(KeyboardInterrupt):
        bench.attempt()
    assert not [one for slot in bench.slots() for one in slot.records if isinstance(one, Raised)]
