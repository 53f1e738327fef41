"""What a run that undoes a rule puts into a seam: the product's decision with one rule taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from kitaru.core import journal, segments
from kitaru.core.head import Head, OpenWait, State
from kitaru.core.journal import Abort, Answer, Answered, Expiry, Slot
from kitaru.core.protocol import ender, passes, verdicts, writer
from kitaru.core.protocol.ender import Ender, Ending
from kitaru.core.protocol.passes import End, Plan, View
from kitaru.core.protocol.reader import Reading
from kitaru.core.protocol.requests import Found, ReadDecision, Reply
from kitaru.core.protocol.verdicts import Accepted, Pending, Reason, Rejected, Request, StoreExpiry, Verdict
from kitaru.core.protocol.waiting import Aborted, Announce, Rest, Stay, Took
from kitaru.core.protocol.writer import Closed, Fencing, Opening, Ready, Why, Writer
from kitaru.core.segments import Segment
from tests.model.seams import Asked, Decisions, Judged
from tests.model.seams import rest as product_rest
from tests.model.values import EXPIRED, NOW


# ------------------------------------------------------------------------------------------------------- the runner
def writes_on(asked: Asked, reply: Reply) -> Writer:
    """Rule 6 without "over, exit": the writer fences a log that is completed or cancelled."""
    after = writer.told(asked, reply)
    if (
        isinstance(after, Closed)
        and after.why is Why.OVER
        and after.head.final
        and not isinstance(asked, writer.Claiming | writer.Appending)
    ):
        return Fencing(asked.me, asked.fence, after.head)
    return after


def no_fence(asked: Asked, reply: Reply) -> Writer:
    """Rule 7 without its fence: the writer appends as soon as it has read the log."""
    after = writer.told(asked, reply)
    return Ready(after.me, after.head) if isinstance(after, Fencing) else after


def blind_to_segments(asked: Asked, reply: Reply) -> Writer:
    """Rule 6 in the tail only: what stands in segments forbids nothing."""
    after = writer.told(asked, reply)
    if isinstance(reply, Found) and isinstance(reply.content, Segment) and isinstance(after, Opening):
        head = replace(after.reading.head, epoch=0, state=State.RUNNING, end=0)
        return Opening(after.me, after.fence, Reading(head, after.reading.segment))
    return after


def only_asked(asked: str, waits: Sequence[OpenWait]) -> Sequence[str]:
    """Rule 10 for the wait that the body asks for, not for all that are open."""
    del waits
    return [asked]


def idle_once(head: Head, decisions: Decisions, log: Sequence[Slot], *, stays: bool) -> Rest:
    """Rule 11 once an attempt, not before each stay."""
    found = product_rest(head, decisions, log, stays=stays)
    said = any(slot.epoch == head.epoch and isinstance(slot.records[-1], journal.Idle) for slot in log)
    return Stay() if isinstance(found, Announce) and said else found


def abort_as_answer(head: Head, decisions: Decisions, log: Sequence[Slot], *, stays: bool) -> Rest:
    """Rule 10 without "append nothing": an abort is taken like an answer."""
    found = product_rest(head, decisions, log, stays=stays)
    if not isinstance(found, Aborted):
        return found
    abort = decisions[found.wait]
    request = abort.request if isinstance(abort, Abort) else str(EXPIRED)
    return Took((Answered(wait=found.wait, request=request, value=None, at=NOW),))


def own_slots_only(base: Head, slots: Sequence[Slot]) -> Segment:
    """Rule 8b with a head that sums up the segment's own slots."""
    return segments.cut(Head(next=base.next), slots)


# ------------------------------------------------------------------------------------------------- what a log says
def idle_until(keeps: Callable[[int, Slot], bool]) -> Callable[[Head, Sequence[Slot]], Head]:
    """Rule 11 with other records after which an IDLE still stands; `keeps(epoch of the IDLE, slot)`."""

    def believed(head: Head, log: Sequence[Slot]) -> Head:
        idle = 0
        for slot in log:
            if isinstance(slot.records[-1], journal.Idle):
                idle = slot.epoch
            elif not keeps(idle, slot) and not isinstance(slot.records[-1], journal.WaitOpened):
                idle = 0
        return replace(head, idle=idle)

    return believed


def keeps_answered(idle: int, slot: Slot) -> bool:
    """Say that an IDLE stands after an answer."""
    del idle
    return isinstance(slot.records[-1], journal.Answered)


def keeps_later(idle: int, slot: Slot) -> bool:
    """Say that an IDLE stands until a record of its own epoch."""
    return slot.epoch != idle


# ------------------------------------------------------------------------------------------------------ the operator
def with_view(change: Callable[[View], View]) -> Callable[[View], Plan]:
    """The product's decision on something else than what was seen."""
    return lambda view: passes.decide(change(view))


def pod_decides(view: View) -> View:
    """Rule 13 without "over, whatever its pod looks like"."""
    return replace(view, head=replace(view.head, end=0))


def idle_ends(view: View) -> View:
    """Rule 11 without "IDLE does not end the attempt"."""
    if not view.head.idle:
        return view
    return replace(view, head=replace(view.head, state=State.PARKED, end=view.head.epoch))


def aborts_answer(view: View) -> View:
    """Rule 15 without "an open wait whose answer is an abort"."""
    answer = Answer(request="", value=None, at=NOW)
    decisions = {wait: answer if isinstance(held, Abort) else held for wait, held in view.decisions.items()}
    return replace(view, decisions=decisions)


def deletes_any(view: View) -> Plan:
    """Rule 16 without "only pods whose number is at most the attempt that was read"."""
    plan = passes.decide(view)
    ended = view.head.end == view.attempt and view.head.state is not State.RUNNING
    newer = [
        pod.number for pod in view.pods if pod.alive and pod.number > view.attempt and (ended or passes.over(view))
    ]
    return replace(plan, delete=(*plan.delete, *newer))


def own_epoch_cancel(view: View) -> Plan:
    """Rule 18 without a number of its own: CANCELLED under the running attempt's epoch."""
    plan = passes.decide(view)
    step = plan.step
    return replace(plan, step=End(view.attempt, step.kind)) if isinstance(step, End) and view.attempt else plan


def unclaimed(ending: Ending, head: Head) -> Ender:
    """Rules 18 and 18b without the claim."""
    return ender.Appending(ending, head)


# ------------------------------------------------------------------------------------------------------- the requests
def log_judges(request: Request, head: Head) -> Judged:
    """Rules 26 and 27 without the GET: a wait that the log has closed refuses."""
    judged = verdicts.judge(request, head)
    closed = head.final or head.worked > 0
    return Rejected(Reason.ANSWERED) if isinstance(judged, ReadDecision) and closed else judged


def not_open_rejects(request: Request, head: Head) -> Judged:
    """Rule 26 without "leave the request pending"."""
    judged = verdicts.judge(request, head)
    return Rejected(Reason.OVER) if isinstance(judged, ReadDecision) and not head.final else judged


def failed_rejects(request: Request, head: Head) -> Judged:
    """Rule 28 without "also if it says FAILED"."""
    return Rejected(Reason.OVER) if head.state is State.FAILED else verdicts.judge(request, head)


def not_open_holds(request: Request, head: Head) -> Judged:
    """Rule 26 without the GET."""
    judged = verdicts.judge(request, head)
    holds = isinstance(judged, ReadDecision) and not head.final
    return Pending(verdicts.Held.NOT_OPEN) if holds else judged


def tells_stored(request: Request, head: Head, held: Answer | Abort | Expiry | None) -> Verdict:
    """Rule 28c: an abort is told at once."""
    verdict = verdicts.settle(request, head, held)
    return Accepted() if verdict == Pending(verdicts.Held.STORED) else verdict


def tells_failed(request: Request, head: Head, held: Answer | Abort | Expiry | None) -> Verdict:
    """Rule 28c, FAILED taken for an end."""
    return tells_stored(request, head, held) if head.state is State.FAILED else verdicts.settle(request, head, held)


def expires_unlisted(wait: OpenWait, pending: Iterable[Request]) -> StoreExpiry:
    """Rule 28b without the live LIST."""
    del pending
    return StoreExpiry(wait.id)
