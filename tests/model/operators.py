"""The looks of operators: reads one by one, then the product's decision on what was read, as a list of acts.

A pass may pause anywhere for ever: that is what stale reads and slow requests are. What an operator is about to do is
a tuple of acts, each a tuple that begins with its name; the next one is first.
"""

from __future__ import annotations

import functools
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from kitaru.core.head import Head
from kitaru.core.journal import Expiry
from kitaru.core.protocol import passes, reader
from kitaru.core.protocol.passes import CreatePod, End, ListRequests, Plan, Raise, View
from kitaru.core.protocol.reader import Bounding, Fetching, Following, HeadReading, Probing
from kitaru.core.protocol.requests import Found, Missing, Present, PutDecision, ReadDecision, Reply
from kitaru.core.protocol.verdicts import Accepted, Pending, Reason, Rejected, Request, Verdict
from kitaru.core.segments import Segment
from tests.model import values
from tests.model.seams import Seams
from tests.model.values import DEADLINE, HEADS, NO_SEGMENT, NOW, SLOTS, Act, Scenario, World, broken

#: The operator's clock: before the deadline, past it but within the margin, past both.
CLOCK: Final = (NOW, DEADLINE, DEADLINE + passes.MARGIN)
LATE: Final = DEADLINE + timedelta(seconds=1)


class Resource(NamedTuple):
    """What a pass reads of the resource; all of it together is its resourceVersion."""

    att: int
    cancel: bool
    retry: int
    used: int
    phase: str


class Seen(NamedTuple):
    """What a pass has read so far."""

    reads: int = 0
    res: Resource = Resource(att=0, cancel=False, retry=0, used=0, phase="")
    claimed: bool = False
    pods: tuple[tuple[int, bool, str], ...] = ()  # number, alive, writer id (which stands for the uid)
    log: tuple[int, ...] = ()
    ans: tuple[int, ...] = ()
    refused: bool = False  # it finds that the next attempt cannot start


class Looks:
    """The reads and decisions of the operators of one run of the search."""

    def __init__(self, seams: Seams, scenario: Scenario) -> None:
        self._seams = seams
        self._scenario = scenario
        self._known = functools.cache(self._read_head)
        self._planned = functools.cache(self._decide)
        self.judged = functools.cache(self._judge)
        self.settled = functools.cache(self._settle)

    def move(self, world: World, seen: Seen) -> tuple[str, tuple[Act, ...]]:
        """Return (what happens, acts) of the next read of a pass that has `seen` something, or nothing yet."""
        order = self._seams.order
        if self._scenario.glance:
            what, seen = "all", self.look(world)._replace(refused=seen.refused)
        else:
            what = order[seen.reads]
            seen = self._read(world, what, seen)
        if seen.reads < len(order):
            return f"reads {what}", (("look", seen),)
        plan = self.plan(seen, world.late, self._scenario.attempts)
        return f"reads {what}; decides: {' '.join(str(act[0]) for act in plan) or 'nothing'}", plan

    def look(self, world: World) -> Seen:
        """Return what a pass sees whose reads are one step."""
        res = Resource(world.att, world.cancel, world.retry, world.used, world.phase)
        reads = len(self._seams.order)
        return Seen(reads, res, bool(world.claims[world.att]), _pods(world), self.known(world), world.ans)

    def known(self, world: World) -> tuple[int, ...]:
        """Read the log as an operator does, by heads, and hold that against all its slots."""
        head = self._known(world.log, world.segs)
        if head != values.head_of(world.log):
            which = "S2 the log read by heads folds to another state"
            broken(which, f"the operator reads heads and the tail: {HEADS[head]}")
        return world.log

    def plan(self, seen: Seen, late: int, bound: int) -> tuple[Act, ...]:
        """Return the acts that the product's decision asks for, in its order."""
        plan = self._planned(seen, late)
        who = {number: writer for number, _, writer in seen.pods}
        acts: list[Act] = []
        if self._seams.by_level:
            acts.extend(("delete", who[number]) for number in plan.delete)
        match plan.step:
            case Raise(number) if number <= bound:
                acts.append(("raise", seen.res.att, number, seen.res.retry))
            case End(number, kind) if number <= bound:
                acts.append(("swap", seen.res.att, number, kind, values.head_of(seen.log)))
            case CreatePod(number, allowance):
                acts.append(("create", number, allowance))
            case ListRequests(wait):
                acts.append(("list", int(wait[1:]), values.head_of(seen.log)))
            case _:
                pass
        if self._scenario.report and not isinstance(plan.step, Raise | End) and plan.phase != seen.res.phase:
            acts.append(("phase", str(plan.phase), seen.res))
        return tuple(acts)

    def starved(self, world: World, *, cancel: bool) -> bool:
        """Return whether the system rests only because the model has no number left for what must come next."""
        if max(world.att, values.folded(world.log).epoch) < self._scenario.attempts:
            return False
        step = self._planned(self.look(world), world.late).step
        match step:
            case End(number):
                return number > self._scenario.attempts
            case Raise(number):
                return number > self._scenario.attempts and not cancel
            case _:
                return False

    def deleted(self, world: World, attempt: int) -> End | None:
        """Return how an operator ends the journal of the deleted resource, of which it remembers `attempt`."""
        step = passes.decide_deleted(values.folded(self.known(world)), attempt)
        return step if isinstance(step, End) else None

    def request(self, number: int, letter: str) -> Request:
        """Return a request as its maker sent it; a small letter is one that was made after the deadline."""
        late = letter.islower() and self._seams.stamps
        decided = values.decision(number, self._scenario, LATE if late else NOW)
        if isinstance(decided, Expiry):
            broken("an expiry is no request", str(number))
        return Request(wait=f"w{abs(self._scenario.requests[number - 1])}", decision=decided)

    def expired(self, world: World, wait: int, head: int) -> Act:
        """Return what follows the live list of the requests for a wait whose deadline is over."""
        opened = HEADS[head].open_wait(f"w{wait}")
        if opened is None:
            broken("an expiry of a wait that is not open", str(wait))
        pending = [self.request(n, letter) for n, letter in enumerate(world.reqs, 1) if letter in "Pp"]
        match self._seams.expire(opened, pending):
            case Request(decision=decided):
                return ("put", int(decided.request), head)
            case _:
                return ("expire", wait)

    # ------------------------------------------------------------------------------------------------ decisions
    def _decide(self, seen: Seen, late: int) -> Plan:
        res, head = seen.res, values.folded(seen.log)
        retry = res.retry
        if not self._seams.counts_failures:
            retry = head.failures if res.retry > res.used else 0
        waits = ((wait.id, seen.ans[int(wait.id[1:])]) for wait in head.waits)
        now: datetime = CLOCK[late] if self._seams.late_clock else CLOCK[-1]
        view = View(
            attempt=res.att,
            retry=retry,
            cancel=res.cancel,
            claimed=seen.claimed,
            pods=tuple(passes.Pod(number, alive) for number, alive, _ in seen.pods),
            head=self._seams.believed(head, [SLOTS[slot] for slot in seen.log]),
            decisions={wait: values.decision(held, self._scenario) for wait, held in waits if held},
            refused=seen.refused,
            now=now,
        )
        return self._seams.decide(view)

    def _judge(self, number: int, letter: str, head: int) -> Act:
        """Return what an operator does that looks at a request with a log of this head."""
        match self._seams.judge(self.request(number, letter), HEADS[head]):
            case PutDecision():
                return ("put", number, head)
            case ReadDecision():
                return ("get", number, head)
            case verdict:
                return _tell(number, verdict)

    def _settle(self, number: int, letter: str, head: int, held: int) -> Act:
        found = values.decision(held, self._scenario) if held else None
        return _tell(number, self._seams.settle(self.request(number, letter), HEADS[head], found))

    # ---------------------------------------------------------------------------------------------------- reads
    def _read(self, world: World, what: str, seen: Seen) -> Seen:
        seen = seen._replace(reads=seen.reads + 1)
        match what:
            case "res":
                return seen._replace(res=Resource(world.att, world.cancel, world.retry, world.used, world.phase))
            case "claim":
                return seen._replace(claimed=bool(world.claims[seen.res.att]))
            case "pod":
                return seen._replace(pods=_pods(world))
            case "log":  # and the answers with it, where they are not a read of their own
                ans = seen.ans if "ans" in self._seams.order else world.ans
                return seen._replace(log=self.known(world), ans=ans)
            case _:
                return seen._replace(ans=world.ans)

    def _read_head(self, log: tuple[int, ...], segs: tuple[tuple[tuple[int, ...], int], ...]) -> int:
        state: HeadReading | Head = reader.head(size=self._scenario.seg or 1)
        while not isinstance(state, Head):
            state = reader.told(state, _reply(state, log, segs))
        return HEADS.number(state)


def _reply(state: HeadReading, log: tuple[int, ...], segs: tuple[tuple[tuple[int, ...], int], ...]) -> Reply:
    match state:
        case Probing(number=number):
            return Present() if number < len(segs) and segs[number] != NO_SEGMENT else Missing()
        case Fetching(number=number):
            slots, head = segs[number]
            return Found(Segment(head=HEADS[head], slots=tuple(SLOTS[slot] for slot in slots)))
        case Bounding(number=number):
            return Present() if number < len(log) else Missing()
        case Following(head=head):
            return Found(SLOTS[log[head.next]]) if head.next < len(log) else Missing()


def _pods(world: World) -> tuple[tuple[int, bool, str], ...]:
    return tuple((pod.number, pod.obj == "L", pod.who) for pod in world.pods if pod.obj != "G")


def _tell(number: int, verdict: Verdict) -> Act:
    match verdict:
        case Accepted():
            return ("tell", number, "A")
        case Rejected(Reason.EXPIRED | Reason.LATE):
            return ("tell", number, "E")
        case Rejected():
            return ("tell", number, "R")
        case Pending():
            return ()
