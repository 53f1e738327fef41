"""What must hold on every step.

I1 no gap, no overwrite, epochs never fall, one writer an epoch, only epochs that the operator handed out.
I2, I7 nothing after a final record; a reported final phase never changes.
I3 one result a checkpoint, one answer a wait, and it is the stored one.
I4 every epoch begins with its fence; completed only with all results in the log before it.
I5 no parking on an answer that was there before the attempt began.
I6 accepted means stored; rejected means never used.
I8 nothing that was committed when the attempt read the log runs again.
I10 no reopening of a failed execution beyond spec.retry.
I11 nothing made in time is told "expired", nothing made late is accepted.
I12 no completed execution with an abort told accepted, no cancelled one by an abort told rejected.
S1 no segment contradicts the log. S2 a reader through segments, or by heads, knows what the slots say.

Without zombies: W1 no healthy attempt is superseded, W2 (I9) none is started for a parked execution without an answer,
W3 no healthy pod is deleted; without any fault W4: none is started after an abort ended the runner.
"""

from __future__ import annotations

import functools

from kitaru.core import journal
from kitaru.core.head import ENDS, Head, State
from kitaru.core.journal import Abort
from tests.model import values
from tests.model.values import EXPIRED, NO_SEGMENT, SLOTS, Scenario, World, broken


def over(head: Head, retry: int, *, cancel: bool) -> bool:
    """Rule 15, said once more: what people are owed does not follow from the code under test."""
    return head.final or (head.state is State.FAILED and (head.failures > retry or cancel))


def is_abort(scenario: Scenario, held: int) -> bool:
    """Return whether what is stored for a wait is an abort."""
    return held != 0 and isinstance(values.decision(held, scenario), Abort)


def aborted(scenario: Scenario, world: World) -> bool:
    """Whether an open wait is aborted."""
    return any(is_abort(scenario, world.ans[int(wait.id[1:])]) for wait in values.folded(world.log).waits)


def check(scenario: Scenario, world: World, after: World, label: str) -> None:
    """Raise `BrokenError` if a step broke an invariant."""
    grew = after.log is not world.log
    if after.segs and (grew or after.segs != world.segs):
        _segments(scenario, after, label)
    if grew:
        if after.log[: len(world.log)] != world.log:
            broken("I1 a committed slot is overwritten", label)
        if fault := log_fault(after.log, scenario.steps):
            broken(fault, label)
    told = grew or after.reqs != world.reqs or after.ans != world.ans
    if told and (fault := request_fault(after.log, after.reqs, after.ans, scenario)):
        broken(fault, label)


def check_start(scenario: Scenario, world: World, label: str) -> None:
    """W1, W2 and W4: no compute is wasted by starting an attempt."""
    if not scenario.thrift:
        return
    head = values.folded(world.log)
    healthy = any(_healthy(world, pod.who) and pod.number == world.att for pod in world.pods)
    if healthy and head.end != world.att:
        broken("W1 a healthy attempt is superseded", label)
    if head.state is State.PARKED and not any(world.ans[int(wait.id[1:])] for wait in head.waits):
        broken("W2/I9 an attempt is started for a parked execution without answer", label)
    if head.state is State.RUNNING and aborted(scenario, world) and not scenario.faults:
        broken("W4 an attempt is started for an aborted execution", label)


def check_delete(scenario: Scenario, world: World, who: str) -> None:
    """W3: only what is over or asked to stop is deleted."""
    if not scenario.thrift:
        return
    head = values.folded(world.log)
    stop = world.cancel or aborted(scenario, world)
    ended = head.state in ENDS and head.end == world.att
    mine = any(pod.who == who and pod.number == world.att for pod in world.pods)
    if mine and _healthy(world, who) and not (stop or ended or over(head, world.retry, cancel=stop)):
        broken("W3 a healthy pod is deleted", f"deletes pod {who}")


def _healthy(world: World, who: str) -> bool:
    return any(pod.who == who and pod.obj == "L" and world.claims[pod.number] in {"", who} for pod in world.pods)


def _segments(scenario: Scenario, world: World, label: str) -> None:
    for number, segment in enumerate(world.segs):
        begin = number * scenario.seg
        if segment == NO_SEGMENT or begin >= len(world.log):
            continue
        slots, _ = segment
        if any(a != b for a, b in zip(slots, world.log[begin:], strict=False)):
            broken(f"S1 segment/{number} contradicts the log", label)


@functools.cache
def log_fault(log: tuple[int, ...], body: tuple[str, ...]) -> str:
    """I1 to I4 and I7, as far as the log alone can break them, in its last slot."""
    slot, before = SLOTS[log[-1]], log[:-1]
    head = values.folded(before)
    if head.final:
        return f"I2/I7 {values.text(log[-1])} stands after a final record"
    if slot.epoch < head.epoch:
        return f"I1/I4 epoch {slot.epoch} after epoch {head.epoch}"
    if slot.epoch == head.epoch and SLOTS[before[-1]].writer != slot.writer:
        return f"I1 epoch {slot.epoch} has two writers"
    begins = isinstance(slot.records[0], journal.Fence | journal.Cancelled | journal.Failed)
    if slot.epoch > head.epoch and not begins:
        return "I4 an epoch begins without a fence"
    return _twice(log, body)


def _twice(log: tuple[int, ...], body: tuple[str, ...]) -> str:
    told = values.story(log[:-1])
    for record in SLOTS[log[-1]].records:
        match record:
            case journal.Returned(call=call) if call in told.done:
                return f"I3 two results for {call}"
            case journal.Answered(wait=wait) | journal.Expired(wait=wait) if int(wait[1:]) in told.answered:
                return "I3 two answers to one wait"
            case journal.Completed() if any(_missing(step, told) for step in body):
                return "I4 completed without all committed results"
            case _:
                pass
    return ""


def _missing(step: str, told: values.Story) -> bool:
    return (step[0] == "c" and step not in told.done) or (step[0] == "w" and int(step[1:]) not in told.answered)


@functools.cache
def request_fault(log: tuple[int, ...], reqs: str, ans: tuple[int, ...], scenario: Scenario) -> str:
    """I3, I6, I11 and I12: what people were told, what is stored, and what the log used."""
    used: set[tuple[int, int]] = set()
    for slot in log:
        for record in SLOTS[slot].records:
            match record:
                case journal.Answered(wait=wait, request=request):
                    used.add((int(wait[1:]), int(request)))
                case journal.Expired(wait=wait) if ans[int(wait[1:])] != EXPIRED:
                    return "I3 the log says expired, the stored answer does not"
                case _:
                    pass
    state = values.folded(log).state
    for number, letter in enumerate(reqs, 1):
        if fault := _told(number, letter, ans, (state, used, scenario)):
            return fault
    return ""


def _told(number: int, letter: str, ans: tuple[int, ...], known: tuple[State, set[tuple[int, int]], Scenario]) -> str:
    state, used, scenario = known
    wait, told, held = abs(scenario.requests[number - 1]), letter.upper(), ans[abs(scenario.requests[number - 1])]
    abort = scenario.requests[number - 1] < 0
    cancelled_by = abort and held == number and state is State.CANCELLED
    rules = {
        f"I6 request {number} was told accepted, answers/{wait} holds {held}": told == "A" and held != number,
        f"I6 request {number} was told rejected, its value is used": told in "RE"
        and ((wait, number) in used or cancelled_by),
        f"I11 request {number} was made in time and is told: expired": letter == "E",
        f"I11 request {number} was made after the deadline and is accepted": letter == "a",
        f"I12 abort request {number} was told accepted, the execution is completed": told == "A"
        and abort
        and state is State.COMPLETED,
        f"I3 the log's answer is not answers/{wait}": (wait, number) in used and held != number,
    }
    return next((fault for fault, holds in rules.items() if holds), "")
