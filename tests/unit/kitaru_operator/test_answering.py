"""Answers and aborts: who wins, who is told what (rules 26 to 29)."""

from datetime import timedelta

import pytest
from pydantic import JsonValue

from kitaru.backends import log
from kitaru.backends.memory import EPOCH
from kitaru.core import blobs, paths
from kitaru.core.journal import Answer, Expired
from kitaru_operator.cluster import ANSWERS, EXECUTIONS, NotFoundError
from tests.unit.kitaru_operator import records
from tests.unit.kitaru_operator.bench import NAMESPACE, Bench

YES: dict[str, JsonValue] = {"approved": True}


def _waiting(*waits: str) -> Bench:
    bench = Bench()
    pod = bench.begin()
    bench.run("x", *(records.asked(one) for one in waits or ("approve",)), records.parked())
    bench.exits(pod)
    return bench


def _told(bench: Bench, name: str) -> tuple[str, str]:
    status = bench.answer(name).status
    return str(status.phase), str(status.reason)


def test_a_parked_execution_holds_no_pod_and_says_what_it_waits_for() -> None:
    """Waiting, no pods, and the question is in the status (rule 19)."""
    bench = _waiting()
    status = bench.execution("x").status
    assert bench.pods() == []
    assert (status.phase, status.waiting_for) == ("Waiting", "approve")
    assert [one.question for one in status.waits] == ["Publish it?"]


def test_an_answer_starts_the_next_attempt() -> None:
    """The first answer that fits is accepted, and the body goes on in a new pod (rule 22)."""
    bench = _waiting()
    bench.answers("a", "approve", value=YES)
    assert _told(bench, "a") == ("Accepted", "Answered")
    assert bench.execution("x").status.attempt == 2
    assert [one[-2:] for one in bench.pods()] == ["-2"]


def test_a_value_that_does_not_fit_is_refused_and_the_next_may_be_good() -> None:
    """The message names the field at fault; the execution stays waiting (rule 28)."""
    bench = _waiting()
    bench.answers("bad", "approve", value={"approved": "yes"})
    assert _told(bench, "bad") == ("Refused", "DoesNotFit")
    assert "value.approved" in str(bench.answer("bad").status.message)
    assert bench.status("x") == "Waiting"
    bench.answers("good", "approve", value=YES)
    assert _told(bench, "good") == ("Accepted", "Answered")


def test_a_value_that_is_too_large_is_refused() -> None:
    """More than 16 KiB do not belong into a resource."""
    bench = _waiting()
    bench.answers("a", "approve", value={"approved": True, "text": "x" * 20_000})
    assert _told(bench, "a") == ("Refused", "TooLarge")


def _left(bench: Bench, value: JsonValue) -> dict[str, JsonValue]:
    """Leave the value in the namespace's store; return its reference."""
    ref, body = blobs.encode("value", value)
    bench.store.put(paths.blob("p", NAMESPACE, ref.sha256), body)
    return {"sha256": ref.sha256, "size": ref.size}


def test_a_value_by_reference_is_judged_as_any_other() -> None:
    """It is read from the namespace's own store, and fits or does not."""
    bench = _waiting()
    bench.answers("bad", "approve", valueRef=_left(bench, {"approved": "yes", "text": "x" * 20_000}))
    assert _told(bench, "bad") == ("Refused", "DoesNotFit")
    large: JsonValue = {"approved": True, "text": "x" * 20_000, "number": 2**70}
    bench.answers("good", "approve", valueRef=_left(bench, large))
    assert _told(bench, "good") == ("Accepted", "Answered")
    held = log.read_decision(bench.store, bench.paths("x"), "approve")
    assert isinstance(held, Answer)
    assert held.value == large


def test_a_reference_to_nothing_is_refused_and_the_wait_stays_open() -> None:
    """Whoever refers to a blob stored it before; one of another size is never read."""
    bench = _waiting()
    there = _left(bench, YES)
    bench.answers("gone", "approve", valueRef={**there, "sha256": "0" * 64})
    bench.answers("size", "approve", valueRef={**there, "size": 3})
    assert {_told(bench, one) for one in ("gone", "size")} == {("Refused", "BlobNotFound")}
    assert bench.status("x") == "Waiting"


def test_the_second_answer_to_one_wait_is_refused() -> None:
    """Another's answer is stored: a fact that cannot turn (rule 29)."""
    bench = _waiting()
    bench.answers("a", "approve", value=YES)
    bench.answers("b", "approve", value=YES)
    assert _told(bench, "b") == ("Refused", "AlreadyDecided")


def test_a_verdict_stays_when_the_log_has_taken_the_answer() -> None:
    """A crash between the PUT and the verdict must not turn it: the PUT judges, not the log (rule 28)."""
    bench = _waiting()
    bench.apply(ANSWERS, "a", {"execution": "x", "wait": "approve", "answeredBy": "ada", "value": YES})
    request = bench.answer("a").metadata.uid
    mine = Answer(request=request, value=YES, at=EPOCH, answered_by="ada")
    log.store_decision(bench.store, bench.paths("x"), "approve", mine)
    bench.run("x", records.answered(), attempt=1)
    bench.settle()
    assert _told(bench, "a") == ("Accepted", "Answered")


def test_an_answer_to_a_wait_that_is_not_open_is_held_and_says_which_are() -> None:
    """Nobody is refused for coming early (rule 26)."""
    bench = _waiting()
    bench.answers("early", "publish", value=YES)
    assert _told(bench, "early") == ("Pending", "WaitNotOpen")
    assert "'approve'" in str(bench.answer("early").status.message)
    bench.answers("a", "approve", value=YES)
    pod = bench.pods()[0]
    bench.run("x", records.answered(), records.asked("publish"), records.parked())
    bench.exits(pod)
    assert _told(bench, "early") == ("Accepted", "Answered")
    assert bench.execution("x").status.attempt == 3


def test_an_answer_for_an_execution_that_is_not_there_is_held() -> None:
    """It may be applied after its answer."""
    bench = Bench()
    bench.answers("a", "approve", value=YES)
    assert _told(bench, "a") == ("Pending", "ExecutionNotFound")


def test_an_abort_cancels_and_is_accepted_when_the_execution_is_cancelled() -> None:
    """A stored abort of an open wait is cancel asked (rules 15 and 28c)."""
    bench = _waiting()
    bench.answers("a", "approve", abort=True)
    assert _told(bench, "a") == ("Accepted", "Aborted")
    assert bench.status("x") == "Cancelled"
    assert bench.head("x").reason == "wait approve was aborted by ada"


def test_an_answer_to_an_execution_that_is_over_is_refused() -> None:
    """The log is final (rule 27)."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.completed())
    bench.exits(pod)
    bench.answers("a", "approve", value=YES)
    assert _told(bench, "a") == ("Refused", "ExecutionOver")


def test_a_decided_answer_is_removed_after_ten_minutes() -> None:
    """The journal keeps it; the resource goes."""
    bench = _waiting()
    bench.answers("a", "approve", value=YES)
    bench.later(599)
    assert _told(bench, "a") == ("Accepted", "Answered")
    bench.later(2)
    with pytest.raises(NotFoundError):
        bench.get(ANSWERS, "a")


def test_a_wait_whose_deadline_passed_expires_and_the_body_goes_on() -> None:
    """The operator stores the expiry two seconds after the deadline (rules 18c and 28b)."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.asked(deadline=EPOCH + timedelta(seconds=60)), records.parked())
    bench.exits(pod)
    bench.later(61.5)
    assert bench.status("x") == "Waiting"
    bench.later(1)
    assert bench.execution("x").status.attempt == 2
    pod = bench.pods()[0]
    bench.run("x", Expired(wait="approve", at=EPOCH), records.completed())
    bench.exits(pod)
    assert bench.status("x") == "Completed"


def test_an_answer_made_in_time_wins_over_the_expiry() -> None:
    """However late it is processed: the requests are listed live before an expiry is stored (rule 28b)."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.asked(deadline=EPOCH + timedelta(seconds=60)), records.parked())
    bench.exits(pod)
    bench.clock.advance(60)
    bench.apply(ANSWERS, "a", {"execution": "x", "wait": "approve", "answeredBy": "ada", "value": YES})
    bench.clock.advance(10)
    bench.world.cache.lose_answer(("team", "a"))
    bench.settle()
    assert _told(bench, "a") == ("Accepted", "Answered")


def test_an_answer_made_after_the_deadline_is_refused() -> None:
    """By its date, whether the expiry is stored or not (rule 28)."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.asked(deadline=EPOCH + timedelta(seconds=60)), records.parked())
    bench.exits(pod)
    bench.clock.advance(61)
    bench.answers("a", "approve", value=YES)
    assert _told(bench, "a") == ("Refused", "DeadlinePassed")


def test_an_answer_while_the_runner_stays_starts_no_other() -> None:
    """The phase is Waiting while an IDLE stands, and its runner takes the answer itself (rules 11 and 20)."""
    bench = Bench()
    pod = bench.begin()
    bench.pod_becomes(pod, "Running")
    bench.run("x", records.asked(), records.idle())
    bench.later(3)
    assert bench.status("x") == "Waiting"
    bench.answers("a", "approve", value=YES)
    assert _told(bench, "a") == ("Accepted", "Answered")
    assert bench.pods() == [pod]


def test_an_answer_to_a_failed_execution_is_kept_for_its_retry() -> None:
    """FAILED rejects nothing (rule 28)."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.asked(), records.failed())
    bench.exits(pod)
    bench.answers("a", "approve", value=YES)
    assert _told(bench, "a") == ("Accepted", "Answered")
    bench.apply(EXECUTIONS, "x", {"retry": 1})
    bench.settle()
    assert len(bench.pods()) == 1


def test_a_verdict_that_the_watch_has_not_brought_is_read_instead_of_told_again_and_again() -> None:
    """An operator whose watches lag behind the other's verdict comes to rest all the same (rule 29)."""
    bench = _waiting()
    other = Bench(bench)
    other.resync()
    other.settle()
    spec: dict[str, JsonValue] = {"execution": "x", "wait": "approve", "answeredBy": "ada", "value": YES}
    bench.apply(ANSWERS, "a", spec)
    other.lags = True
    bench.settle()
    other.settle()
    other.later(1)
    assert _told(bench, "a") == ("Accepted", "Answered")
    assert bench.cluster.writes[-1] != ("update", "kitaruanswers/status")


def test_a_deadline_that_passes_after_a_failure_keeps_nobody_busy() -> None:
    """A failed execution that is over stores no expiry, and no pass is made for it (rule 28b)."""
    bench = Bench()
    pod = bench.begin()
    bench.run("x", records.asked(deadline=EPOCH + timedelta(seconds=10)), records.failed())
    bench.exits(pod)
    bench.later(13)
    bench.resync()
    assert bench.settle() <= 2
    assert bench.status("x") == "Failed"
