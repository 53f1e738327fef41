"""What it means that an execution went as if nothing had happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from kitaru.core import journal
from kitaru.core.head import State
from kitaru.core.history import History
from kitaru.core.journal import Answered, Raised, Returned
from kitaru.core.tagged import UserValue
from kitaru.engine.attempt import Closed, Completed, Failed, Interrupted, Outcome, Parked
from tests.laws.kit import Bench
from tests.laws.programs import Program

#: How a log can end that no attempt goes on with: no retry is granted here.
ENDS = {State.COMPLETED, State.FAILED}


def told(history: History) -> Counter[tuple[UserValue, ...]]:
    """Return what a history tells, whatever the order of its branches: each call and answer once."""
    calls: list[tuple[UserValue, ...]] = []
    for call in history.calls.values():
        match call.outcome:
            case Returned():
                calls.append((call.place.name, call.inputs, call.outcome.value.sha256))
            case Raised():
                calls.append((call.place.name, call.inputs, call.outcome.failure.message))
            case None:
                calls.append((call.place.name, call.inputs, None))
    for wait in history.waits.values():
        assert isinstance(wait.decision, Answered)
        calls.append((wait.place.name, wait.inputs, wait.decision.value))
    return Counter(calls)


def answer_all(bench: Bench) -> None:
    """Answer every open wait, each question in its own words."""
    for wait in bench.history().waits.values():
        if not wait.finished:
            bench.answer(wait.id, f"to {wait.opened.question}")


def finish(bench: Bench, outcome: Outcome | None = None) -> None:
    """Attempt until it is completed or failed, answering whatever it asks."""
    for _ in range(50):
        match outcome:
            case Completed() | Failed():
                return
            case Closed() if outcome.head.state in ENDS:
                return
            case Parked():
                answer_all(bench)
            case Closed() | Interrupted() | None:
                pass
        outcome = bench.attempt()
    message = f"not over after 50 attempts: {outcome}"
    raise AssertionError(message)


def reference(flow: Callable[..., UserValue], program: Program, seed: int, retries: int = 0) -> Bench:
    """Run the program without any fault."""
    bench = Bench(flow, {"program": program}, retries, seed)
    finish(bench)
    return bench


def result(bench: Bench) -> UserValue:
    """Return what the flow returned or raised, as it lies in the journal."""
    last = bench.slots()[-1].records[-1]
    if isinstance(last, journal.Failed):
        return f"{last.failure.type}: {last.failure.message}"
    assert isinstance(last, journal.Completed)
    return last.value.data


def again(wanted: Bench) -> Bench:
    """Return a bench for the same execution, in which branches end in another order."""
    return Bench(wanted.flow, wanted.inputs, wanted.retries, wanted.seed + 1)


def same(bench: Bench, wanted: Bench) -> None:
    """Check result, history and effects against an uninterrupted run."""
    assert result(bench) == result(wanted)
    assert told(bench.history()) == told(wanted.history())
    assert {(one.name, one.key) for one in bench.effects} == {(one.name, one.key) for one in wanted.effects}


def repeated(bench: Bench, wanted: Bench, done: Counter[tuple[str, str]], epoch: int) -> list[str]:
    """Return the checkpoints whose finished effects were repeated after this epoch."""
    later = Counter(one.name for one in bench.effects if one.epoch > epoch)
    total = Counter(name for name, _ in wanted.finished().elements())
    before = Counter(name for name, _ in done.elements())
    return [name for name in ("effect", "effect_async") if later[name] > total[name] - before[name]]
