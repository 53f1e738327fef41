"""The runs: corners of the protocol that must hold; rules undone, and guarantees taken away, that must fail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from tests.model import undoing
from tests.model.seams import Seams
from tests.model.values import Scenario


@dataclass(frozen=True, slots=True)
class Run:
    """One search. `expect` is how its violation begins; empty: it must hold. `small` ones are part of every check."""

    name: str
    scenario: Scenario
    seams: Seams
    expect: str = ""
    small: bool = False


PRODUCT: Final = Seams()
#: The answers are a read of their own, after the log.
APART: Final = Seams(order=("res", "claim", "pod", "log", "ans"))


def holds(name: str, scenario: Scenario, seams: Seams = PRODUCT) -> Run:
    """Return a run in which no invariant is violated."""
    return Run(name, scenario, seams)


def undone(name: str, scenario: Scenario, seams: Seams, expect: str) -> Run:
    """Return a run in which one is: the search can see what the rule prevents."""
    return Run(name, scenario, seams, expect)


def small(run: Run) -> Run:
    """Return the run as a part of every check."""
    return replace(run, small=True)


S = Scenario
HOLDS: Final = [
    holds("cancel against completion, two operators", S("c1", ops=2, cancel=True, faults="lost crash")),
    holds("cancel against completion, zombie", S("c1 c2", cancel=True, glance=True, faults="lose kill lost crash")),
    holds("cancel against an answer, zombie", S("c1 w1", cancel=True, requests=(1,), glance=True, faults="lose lost")),
    small(holds("cancel against an answer", S("w1", cancel=True, requests=(1,), glance=True, faults="lost"))),
    holds("cancel, a pod hangs, crashes", S("c1", cancel=True, attempts=5, faults="hang lose crash crash")),
    holds("answer against park, faults", S("c1 w1", requests=(1,), glance=True, faults="kill lose lost crash")),
    holds("answer against park, two answers", S("c1 w1", requests=(1, 1), glance=True, faults="kill lost crash")),
    holds("answer against park, two operators", S("w1", ops=2, attempts=3, requests=(1, 1))),
    small(
        holds(
            "answer against park, two operators, glancing",
            S("w1", ops=2, attempts=3, requests=(1,), glance=True, faults="lost crash"),
        )
    ),
    holds(
        "answer to a failed execution",
        S("o1 c1 w1", ops=2, attempts=3, requests=(1,), retries=1, faults="fail"),
    ),
    small(holds("a parked pod hangs", S("c1 w1", requests=(1,), attempts=5, faults="hang hang lost crash"))),
    small(holds("two waits", S("o2 w1 w2", requests=(2, 1), glance=True, faults="kill"))),
    holds("two operators, no waste", S("c1 w1", ops=2, attempts=3, thrift=True, faults="kill crash")),
    holds("no waste with an answer", S("w1", ops=2, attempts=3, requests=(1,), thrift=True, faults="kill")),
    small(holds("no waste with a retry", S("c1", ops=2, attempts=3, retries=1, thrift=True, faults="fail"))),
    holds("two zombies or late starts", S("c1 w1", requests=(1,), attempts=5, glance=True, faults="lose lose lost")),
    holds("zombie, two operators", S("c1", ops=2, attempts=3, faults="lose")),
    holds("three lost replies", S("c1 w1", requests=(1,), cancel=True, glance=True, faults="lost lost lost kill")),
    holds("fail and retry", S("c1", cancel=True, retries=2, attempts=5, glance=True, faults="fail fail lose kill")),
    small(holds("fail and retry, two operators", S("c1", ops=2, retries=1, attempts=3, glance=True, faults="fail"))),
    holds("an attempt cannot start", S("c1", cancel=True, retries=1, glance=True, faults="refuse lose kill")),
    small(
        holds("an attempt cannot start, two operators", S("c1", ops=2, attempts=3, glance=True, faults="refuse kill"))
    ),
    holds("a pod started twice", S("c1 w1", requests=(1,), glance=True, faults="twin lose lost")),
    small(holds("a pod started twice, alone", S("c1", glance=True, faults="twin lost"))),
    holds("reported phase", S("c1", ops=2, attempts=3, cancel=True, report=True)),
    holds("status restored from a backup", S("c1", cancel=True, glance=True, faults="reset kill lose")),
    holds("a little of everything", S("c1 w1", cancel=True, requests=(1,), retries=1, glance=True, faults="fail lose")),
    holds("status restored, two operators", S("", ops=2, cancel=True, faults="reset")),
    holds("idle, faults", S("c1 w1", requests=(1,), stay=True, report=True, glance=True, faults="kill lose")),
    small(holds("idle, two waits", S("o2 w1 w2", requests=(2, 1), stay=True, report=True, glance=True))),
    holds(
        "idle, two waits, faults",
        S("o2 w1 w2", requests=(2, 1), stay=True, report=True, glance=True, faults="kill lost"),
    ),
    holds("two waits, faults", S("o2 w1 w2", requests=(2, 1), attempts=5, glance=True, faults="kill lost")),
    holds(
        "fail and retry, two operators, zombie",
        S("c1", ops=2, retries=1, attempts=3, glance=True, faults="fail lose"),
    ),
    holds(
        "idle, a thread asks too",
        S("w1 c1", requests=(1, 2), side=2, stay=True, report=True, glance=True, faults="kill"),
    ),
    small(
        holds(
            "idle, user code hangs",
            S("w1 c1", requests=(1,), stay=True, report=True, glance=True, faults="hang kill lost"),
        )
    ),
    holds("idle, two operators, no waste", S("w1 c1", ops=2, attempts=3, requests=(1,), stay=True, thrift=True)),
    holds(
        "idle, cancel, zombie",
        S("w1", cancel=True, requests=(1,), stay=True, report=True, glance=True, faults="lose lost"),
    ),
    small(holds("abort against completion, zombie", S("o1 c1", requests=(-1,), glance=True, faults="lose lost"))),
    holds("abort against an answer", S("c1 w1", requests=(-1, 1), glance=True, faults="lose lost crash")),
    holds("abort against an answer, two operators", S("w1", ops=2, attempts=3, requests=(-1, 1))),
    small(holds("abort, answers read last", S("w1", ops=2, attempts=2, requests=(-1,), thrift=True), APART)),
    holds("abort, fail and retry", S("o1 c1 w1", requests=(-1,), retries=1, glance=True, faults="fail lose crash")),
    holds(
        "abort or answer while it stays",
        S("o2 w1 w2", requests=(-2, 1), stay=True, report=True, glance=True, faults="lose"),
    ),
    small(holds("expiry against an answer", S("w1", requests=(1,), deadline=(1,), glance=True, faults="lost crash"))),
    holds("expiry against answers", S("w1 c1", requests=(1, 1), deadline=(1,), glance=True, faults="kill lost crash")),
    holds("expiry against an answer, two operators", S("w1", ops=2, attempts=2, requests=(1,), deadline=(1,))),
    holds(
        "expiry against an abort, staying",
        S("w1", requests=(-1, 1), deadline=(1,), stay=True, report=True, glance=True, attempts=3, faults="kill"),
    ),
    holds(
        "expiry, fail and retry",
        S("o1 c1 w1", requests=(1,), deadline=(1,), retries=1, glance=True, faults="fail lose"),
    ),
    holds("segments of 2, zombies", S("c1 c2 c3", seg=2, glance=True, faults="lose kill lost")),
    holds("segments of 3, answers", S("c1 w1", requests=(1, 1), seg=3, glance=True, faults="lose crash")),
    small(
        holds(
            "segments of 2, two operators", S("w1", ops=2, attempts=3, requests=(1,), cancel=True, seg=2, glance=True)
        )
    ),
    holds(
        "segments of 2, fail and retry", S("c1", cancel=True, retries=1, seg=2, glance=True, faults="fail lose kill")
    ),
    small(holds("deletion, zombie", S("w1", requests=(1,), delete=True, glance=True, attempts=3, faults="lose"))),
    holds("deletion, two operators", S("c1", ops=2, attempts=3, delete=True, cancel=True, glance=True, faults="lost")),
    holds("deletion in the middle of a pass", S("c1", ops=2, attempts=2, delete=True, faults="kill")),
    small(
        holds("deletion, fail and retry", S("c1", attempts=3, retries=1, delete=True, glance=True, faults="fail lose"))
    ),
    holds(
        "a little of everything new",
        S("w1", requests=(1,), deadline=(1,), stay=True, seg=3, delete=True, glance=True, attempts=2, faults="lose"),
    ),
]

POD_FIRST: Final = Seams(order=("res", "pod", "claim", "log"))
LOG_FIRST: Final = Seams(order=("res", "claim", "log", "pod"))
ANSWERS_FIRST: Final = Seams(order=("res", "ans", "claim", "pod", "log"))
UNDONE: Final = [
    undone("1: the pod is read before the claim", S("w1", ops=2, thrift=True, attempts=3), POD_FIRST, "W1"),
    undone("2: the log is read before the pod", S("w1", ops=2, thrift=True, attempts=3), LOG_FIRST, "W2"),
    undone("3: the writer id is the pod's uid", S("c1", faults="twin"), Seams(own_writer=False), "I1"),
    undone("4: a runner writes after a final record", S("c1", faults="lose kill"), Seams(told=undoing.writes_on), "I2"),
    undone(
        "5: a runner reopens FAILED unasked", S("c1", faults="lose kill fail"), Seams(allowance=lambda _: 99), "I10"
    ),
    undone(
        "6: retry is compared with a handled mark",
        S("c1", retries=1, faults="kill fail"),
        Seams(counts_failures=False),
        "LIVENESS",
    ),
    undone(
        "7: parks with another wait's answer unread", S("o2 w1 w2", requests=(2,)), Seams(asks=undoing.only_asked), "I5"
    ),
    undone(
        "8: resume waits for the pod to go",
        S("w1", requests=(1,), faults="hang"),
        Seams(decide=undoing.with_view(undoing.pod_decides)),
        "LIVENESS",
    ),
    undone(
        "9: the pod is deleted once, after CANCELLED",
        S("c1", cancel=True, faults="hang crash"),
        Seams(by_level=False),
        "LIVENESS",
    ),
    undone(
        "10: an old look deletes a newer pod",
        S("w1", ops=2, attempts=3, requests=(1,), thrift=True),
        Seams(decide=undoing.deletes_any),
        "W3",
    ),
    undone(
        "11: the status patch has no resourceVersion",
        S("c1", ops=2, attempts=3, cancel=True, report=True),
        Seams(conditional_status=False),
        "I7",
    ),
    undone(
        "12: the log gives the verdict", S("w1", requests=(1,), faults="crash"), Seams(judge=undoing.log_judges), "I6"
    ),
    undone(
        "13: not yet open rejects",
        S("w1", ops=2, attempts=3, requests=(1,)),
        Seams(judge=undoing.not_open_rejects),
        "I6",
    ),
    undone(
        "14: FAILED rejects",
        S("o1 c1 w1", ops=2, attempts=3, requests=(1,), retries=1, faults="fail"),
        Seams(judge=undoing.failed_rejects),
        "I6",
    ),
    undone(
        "15: CANCELLED's number is not claimed",
        S("", ops=2, cancel=True, faults="reset"),
        Seams(ends=undoing.unclaimed),
        "I1",
    ),
    undone(
        "16: IDLE once an attempt",
        S("o2 w1 w2", requests=(2,), stay=True, report=True),
        Seams(rest=undoing.idle_once),
        "LIVENESS",
    ),
    undone(
        "17: an answer does not end IDLE",
        S("w1 c1", requests=(1,), stay=True, report=True, faults="hang"),
        Seams(believed=undoing.idle_until(undoing.keeps_answered)),
        "LIVENESS",
    ),
    undone(
        "18: only records of its epoch end IDLE",
        S("c1 w1 c2", requests=(1,), stay=True, report=True, faults="hang kill"),
        Seams(believed=undoing.idle_until(undoing.keeps_later)),
        "LIVENESS",
    ),
    undone(
        "19: IDLE ends the attempt",
        S("w1", ops=2, attempts=3, requests=(1,), stay=True, thrift=True),
        Seams(decide=undoing.with_view(undoing.idle_ends)),
        "W",
    ),
    undone(
        "20: an abort only ends the runner",
        S("w1", requests=(-1,)),
        Seams(decide=undoing.with_view(undoing.aborts_answer)),
        "LIVENESS",
    ),
    undone("21: an abort is appended as an answer", S("w1", requests=(-1,)), Seams(rest=undoing.abort_as_answer), "I"),
    undone("22: an abort is told when stored", S("o1 c1", requests=(-1,)), Seams(settle=undoing.tells_stored), "I12"),
    undone(
        "22b: an abort is told when the execution has failed",
        S("o1 c1", requests=(-1,), retries=1, glance=True, faults="fail"),
        Seams(settle=undoing.tells_failed),
        "I12",
    ),
    undone(
        "23: answers are read before the pod",
        S("w1", ops=2, attempts=2, requests=(-1,), thrift=True),
        ANSWERS_FIRST,
        "W4",
    ),
    undone(
        "24: expiry without a live LIST",
        S("w1", requests=(1,), deadline=(1,)),
        Seams(expire=undoing.expires_unlisted),
        "I11",
    ),
    undone("25: expiry without a margin", S("w1", requests=(1,), deadline=(1,)), Seams(late_clock=False), "I11"),
    undone("26: the PUT judges late answers", S("w1", requests=(1,), deadline=(1,)), Seams(stamps=False), "I11"),
    undone(
        "27: a segment holds a slot that is not committed",
        S("c1 c2", seg=2, faults="lose"),
        Seams(committed_only=False),
        "S",
    ),
    undone(
        "28: segments after a missing one are read",
        S("c1 c2 c3", seg=2, faults="kill"),
        Seams(stops_at_gap=False),
        "S2",
    ),
    undone("29: rule 6 only in the tail", S("c1", seg=2, faults="lose"), Seams(told=undoing.blind_to_segments), "I"),
    undone(
        "30: a head sums up its own slots",
        S("c1 c2 w1", requests=(1,), seg=2, faults="kill"),
        Seams(cut=undoing.own_slots_only),
        "S2",
    ),
    undone(
        "31: not among the open waits holds",
        S("w1 w2", requests=(1, 1), seg=2),
        Seams(judge=undoing.not_open_holds),
        "LIVENESS",
    ),
    undone(
        "32: a deleted resource's end is not claimed",
        S("c1", delete=True, faults="kill"),
        Seams(ends=undoing.unclaimed),
        "I1",
    ),
    undone("33: the end's number is taken: gives up", S("c1", delete=True), Seams(insists=False), "LIVENESS"),
]

CONTROLS: Final = [
    undone("no fence", S("c1", faults="lose"), Seams(told=undoing.no_fence), "I"),
    undone("no claim", S("c1", faults="lose"), Seams(conditional_claims=False), "I1"),
    undone("next free epoch", S("c1", cancel=True, faults="lose"), Seams(given_epoch=False), "I1"),
    undone("an append overwrites", S("c1", faults="lose"), Seams(conditional_log=False), "I1"),
    undone(
        "cancel without a number of its own",
        S("c1", cancel=True),
        Seams(decide=undoing.own_epoch_cancel, ends=undoing.unclaimed),
        "I1",
    ),
    undone("answers are overwritten", S("w1", requests=(1, 1)), Seams(conditional_answers=False), "I6"),
]
