"""The moves of runners: each request that the product's writer machine asks for is a step."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from kitaru.core import journal
from kitaru.core.head import Head, State
from kitaru.core.journal import Claim, Fence, Record
from kitaru.core.protocol import waiting, writer
from kitaru.core.protocol.reader import Reading
from kitaru.core.protocol.requests import Created, Found, Missing, PutSlot, Reply
from kitaru.core.protocol.writer import Appending, Claiming, Closed, Fencing, Identity, Opening, Ready, Writer
from kitaru.core.segments import Segment
from kitaru.errors import JournalBrokenError
from tests.model import values
from tests.model.seams import Seams
from tests.model.values import (
    DONE,
    FAILURE,
    HEADS,
    NO_SEGMENT,
    NOW,
    SLOTS,
    Interned,
    Move,
    Pod,
    Scenario,
    World,
    broken,
)

#: What the body does next: a record to append, or a word: abort, stay.
Doing = tuple[str, tuple[Record, ...]]


def spend(scenario: Scenario, world: World, name: str) -> World | None:
    """Return the world with one such fault less, or None when there is none left."""
    if name not in scenario.kinds or not world.left[place := scenario.kinds.index(name)]:
        return None
    return world._replace(left=(*world.left[:place], world.left[place] - 1, *world.left[place + 1 :]))


def with_pod(world: World, place: int, pod: Pod) -> World:
    """Replace a process. An exit shows on its object; a process without an object leaves nothing."""
    if pod.machine < 0:
        obj = "T" if world.pods[place].obj == "L" else world.pods[place].obj
        pod = Pod(pod.number, pod.who, obj, -1)
    kept = () if pod.machine < 0 and pod.obj == "G" else (pod,)
    return world._replace(pods=world.pods[:place] + kept + world.pods[place + 1 :])


def hung(world: World, place: int, epoch: int = 0) -> World:
    """Replace a process by one that hangs; `epoch` is the one that it had fenced, if user code hangs in it."""
    pod = world.pods[place]
    stuck = Pod(pod.number, pod.who, "L", -1, epoch)
    return world._replace(pods=(*world.pods[:place], stuck, *world.pods[place + 1 :]))


class Runners:
    """The runners of one run of the search."""

    def __init__(self, seams: Seams, scenario: Scenario) -> None:
        self._seams = seams
        self._scenario = scenario
        self._machines = Interned[Writer]()
        self.told = functools.cache(self._told)
        self._open = functools.cache(self._opened)
        self._appending = functools.cache(self._append)
        self._segment = functools.cache(self._cut)
        self._next = functools.cache(self._doing)

    def begin(self, number: int, who: str, retry: int, process: str = "") -> int:
        """Return the machine of a new process; `process` tells apart those that share a writer id, if any do."""
        me = Identity(epoch=number, writer=who, pod=process, allowance=self._seams.allowance(retry))
        return self._machines.number(writer.begin(me, Fence(at=NOW, pod=process)))

    def machine(self, number: int) -> Writer | None:
        return None if number < 0 else self._machines[number]

    def moves(self, world: World, place: int) -> Iterator[Move]:
        """Return what the process may do next, and the faults that may meet its request."""
        pod = world.pods[place]
        me = f"pod {pod.who}{' (zombie)' if pod.obj == 'G' else ''}"
        match self._machines[pod.machine]:
            case Claiming() as state:
                yield from self._claims(world, place, state, me)
            case Opening():
                yield self._reads(world, place, me)
            case Fencing() | Appending() as state:
                yield from self._puts(world, place, state, me)
            case Ready() as state:
                yield from self._body(world, place, state, me)
            case Closed():
                pass

    # ------------------------------------------------------------------------------------------------- opening
    def _claims(self, world: World, place: int, state: Claiming, me: str) -> Iterator[Move]:
        pod, number = world.pods[place], state.me.epoch
        if not self._seams.given_epoch:
            number = next(n for n in range(1, 99) if n >= len(world.claims) or not world.claims[n])
        if number >= len(world.claims):
            return
        owner = world.claims[number] if self._seams.conditional_claims else pod.who
        if not owner:
            claims = (*world.claims[:number], pod.who, *world.claims[number + 1 :])
            claimed, label = world._replace(claims=claims), f"{me}: claims epoch/{number}"
            machine = self._claimed(pod.machine, number, pod.who)
            yield Move("sys", label, with_pod(claimed, place, pod._replace(machine=machine)))
            if (lost := spend(self._scenario, claimed, "lost")) is not None:
                yield Move("fault", f"{label}, the reply is lost", lost)
            return
        machine = self._claimed(pod.machine, number, owner)
        exits = isinstance(self._machines[machine], Closed)
        label = f"{me}: epoch/{number} is {'taken, exits' if exits else 'its own'}"
        yield Move("sys", label, with_pod(world, place, pod._replace(machine=-1 if exits else machine)))

    def _claimed(self, machine: int, number: int, owner: str) -> int:
        """Found says what `Created` would: who owns the number now."""
        state = self._machines[machine]
        if isinstance(state, Claiming) and state.me.epoch != number:
            me = Identity(epoch=number, writer=state.me.writer, allowance=state.me.allowance)
            machine = self._machines.number(Claiming(me, state.fence))
        return self.told(machine, Found(Claim(writer=owner)))

    def _told(self, machine: int, reply: Reply) -> int:
        state = self._machines[machine]
        if isinstance(state, Ready | Closed):
            broken("a reply to nothing", repr(state))
        return self._machines.number(self._seams.told(state, reply))

    def _reads(self, world: World, place: int, me: str) -> Move:
        """From slot 0 to the first missing one: slots never change, so this equals a snapshot at its last GET."""
        pod = world.pods[place]
        machine, read = self._open(pod.machine, world.log, world.segs)
        if read != world.log:
            which = "S2 a reader through segments does not read the log"
            broken(which, f"{me}: reads the segments and the tail")
        state = self._machines[machine]
        if isinstance(state, Closed):
            return Move(
                "sys", f"{me}: reads the log, exits: {state.why}", with_pod(world, place, pod._replace(machine=-1))
            )
        early = tuple(wait for wait in range(1, len(world.ans)) if world.ans[wait])
        pod = pod._replace(machine=machine, start=len(world.log), early=early)
        return Move("sys", f"{me}: reads {len(world.log)} slots", with_pod(world, place, pod))

    def _opened(
        self, machine: int, log: tuple[int, ...], segs: tuple[tuple[tuple[int, ...], int], ...]
    ) -> tuple[int, tuple[int, ...]]:
        read: list[int] = []
        while isinstance(state := self._machines[machine], Opening):
            reply = self._reply(state.reading, log, segs)
            if isinstance(reply, Found):
                found = reply.content
                got = found.slots if isinstance(found, Segment) else (found,)
                read.extend(SLOTS.number(slot) for slot in got if isinstance(slot, journal.Slot))
            machine = self.told(machine, reply)
        return machine, tuple(read)

    def _reply(self, reading: Reading, log: tuple[int, ...], segs: tuple[tuple[tuple[int, ...], int], ...]) -> Reply:
        if reading.segment is None:
            number = reading.head.next
            return Found(SLOTS[log[number]]) if number < len(log) else Missing()
        there = segs if self._seams.stops_at_gap else tuple(seg for seg in segs if seg != NO_SEGMENT)
        if reading.segment >= len(there) or there[reading.segment] == NO_SEGMENT:
            return Missing()
        slots, head = there[reading.segment]
        return Found(Segment(head=HEADS[head], slots=tuple(SLOTS[slot] for slot in slots)))

    # ------------------------------------------------------------------------------------------------- putting
    def _puts(self, world: World, place: int, state: Fencing | Appending, me: str) -> Iterator[Move]:
        pod, request = world.pods[place], writer.request(state)
        if not isinstance(request, PutSlot):
            broken("an append is not a put", me)
        slot, number = SLOTS.number(request.slot), request.number
        label = f"{me}: PUT log/{number} {values.text(slot)}"
        if number == len(world.log) or not self._seams.conditional_log:
            self._check_put(world, pod, slot, label)
            yield from self._put(world, place, (slot, number), label)
            return
        there = world.log[number]
        try:
            machine = self.told(pod.machine, Found(SLOTS[there]))
        except JournalBrokenError:
            what = f"I1 a writer of epoch {state.me.epoch} meets a foreign {values.text(there)}"
            broken(f"{what} of epoch {SLOTS[there].epoch}", label)
        match self._machines[machine]:
            case Ready():
                if there != slot:
                    broken("I1 a process takes another's slot for its own", label)
                exits = values.ends(slot)
                text = "refused, it is its own record: committed"
                moved = pod._replace(machine=-1 if exits else machine)
            case Closed(why):
                text, moved = f"refused: {why}, exits", pod._replace(machine=-1)
            case _:
                text = f"refused by epoch {SLOTS[there].epoch} {values.text(there)}: reads on"
                moved = pod._replace(machine=machine, start=number + 1)
        yield Move("sys", f"{label} {text}", with_pod(world, place, moved))

    def _put(self, world: World, place: int, put: tuple[int, int], label: str) -> Iterator[Move]:
        pod, (slot, number) = world.pods[place], put
        done = world._replace(log=(*world.log[:number], slot, *world.log[number + 1 :]))
        exits = values.ends(slot)
        machine = -1 if exits else self.told(pod.machine, Created())
        yield Move("sys", label, with_pod(done, place, pod._replace(machine=machine)))
        if (lost := spend(self._scenario, done, "lost")) is not None:
            yield Move("fault", f"{label}, the reply is lost", lost)
        if exits and pod.obj == "L" and (stuck := spend(self._scenario, done, "hang")) is not None:
            yield Move("fault", f"{label}, then hangs", hung(stuck, place))

    def _check_put(self, world: World, pod: Pod, slot: int, label: str) -> None:
        head, record = values.folded(world.log), values.records(slot)[-1]
        if isinstance(record, Fence) and head.state is State.FAILED and head.failures > world.retry:
            broken("I10 a FAILED execution is reopened though nobody asked for a retry", label)
        if isinstance(record, Fence) and SLOTS[slot].epoch > world.att and "reset" not in self._scenario.kinds:
            broken("I1 an epoch the operator never handed out", label)
        if isinstance(record, journal.Parked) and any(head.is_open(f"w{wait}") for wait in pod.early):
            broken("I5 parks again though an answer had been there before it began: a hot loop", label)

    # -------------------------------------------------------------------------------------------------- running
    def _body(self, world: World, place: int, state: Ready, me: str) -> Iterator[Move]:
        pod, side = world.pods[place], self._scenario.side
        log = world.log[: state.head.next]
        if side and side not in values.story(log).opened:
            opened = (values.opens(side, self._scenario),)
            yield self._goes(world, place, opened, f"{me}: a thread asks for wait {side}")
        what, records = self._next(log, world.ans, pod.machine)
        match what:
            case "abort":
                yield Move("sys", f"{me}: finds an abort, exits", with_pod(world, place, pod._replace(machine=-1)))
            case "stay":
                parked = (journal.Parked(at=NOW),)
                label = f"{me}: has stayed long enough, will append PARKED"
                yield self._goes(world, place, parked, label)._replace(kind="time")
            case _:
                if what == "runs" and self._again(world.log[: pod.start], records):
                    which = "runs again though committed before the attempt read the log"
                    broken(f"I8 a checkpoint {which}", f"{me}: {records}")
                yield self._goes(world, place, records, f"{me}: {what}, will append")
                if what == "runs" and (failing := spend(self._scenario, world, "fail")) is not None:
                    failed = (journal.Failed(failure=FAILURE, at=NOW),)
                    yield self._goes(failing, place, failed, f"{me}: user code raises")._replace(kind="fault")

    def _again(self, log: tuple[int, ...], records: tuple[Record, ...]) -> bool:
        return any(isinstance(one, journal.Returned) and one.call in values.story(log).done for one in records)

    def _goes(self, world: World, place: int, records: tuple[Record, ...], label: str) -> Move:
        machine = self._appending(world.pods[place].machine, records)
        state = self._machines[machine]
        if isinstance(state, Appending):
            label = f"{label} {values.text(SLOTS.number(state.slot))}"
        return Move("sys", label, with_pod(world, place, world.pods[place]._replace(machine=machine)))

    def _append(self, machine: int, records: tuple[Record, ...]) -> int:
        state = self._machines[machine]
        if not isinstance(state, Ready):
            broken("an append out of turn", repr(state))
        return self._machines.number(writer.append(state, records))

    def next(self, world: World, pod: Pod) -> str:
        """Return what a process does next that is at its body, as far as it can be said in a word."""
        state = self.machine(pod.machine)
        return self._next(world.log[: state.head.next], world.ans, pod.machine)[0] if isinstance(state, Ready) else ""

    def _doing(self, log: tuple[int, ...], ans: tuple[int, ...], machine: int) -> Doing:
        """The body, replayed against the log. Reading answers/<w> happens here."""
        state, told = self._machines[machine], values.story(log)
        for step in self._scenario.steps:
            number = int(step[1:])
            if step[0] == "c" and step not in told.done:
                return "runs", (values.returned(step),)
            if step[0] in "ow" and number not in told.opened:
                return "asks", (values.opens(number, self._scenario),)
            if step[0] == "w" and number not in told.answered and isinstance(state, Ready):
                return self._rests(state.head, log, ans, step)
        return "returns", (journal.Completed(value=DONE, at=NOW),)

    def _rests(self, head: Head, log: tuple[int, ...], ans: tuple[int, ...], asked: str) -> Doing:
        slots = [SLOTS[slot] for slot in log]
        head = self._seams.believed(head, slots)
        decisions = {
            wait: values.decision(ans[int(wait[1:])], self._scenario)
            for wait in self._seams.asks(asked, head.waits)
            if ans[int(wait[1:])]
        }
        match self._seams.rest(head, decisions, slots, stays=self._scenario.stay):
            case waiting.Aborted():
                return "abort", ()
            case waiting.Took(records):
                return "reads answers", records
            case waiting.Announce():
                return "stays", (journal.Idle(at=NOW),)
            case waiting.Stay():
                return "stay", ()
            case waiting.Park():
                return "sees no answer", (journal.Parked(at=NOW),)

    # -------------------------------------------------------------------------------------------------- segments
    def segment_moves(self, world: World, place: int) -> Iterator[Move]:
        """Segments of slots that this runner has read or written, at any time, in any order."""
        pod, size = world.pods[place], self._scenario.seg
        state = self.machine(pod.machine)
        if not size or not isinstance(state, Fencing | Ready | Appending):
            return
        mine = world.log[: state.head.next]
        if not self._seams.committed_only and isinstance(state, Appending):
            mine = (*mine, SLOTS.number(state.slot))
        for number in range(len(mine) // size):
            if number >= len(world.segs) or world.segs[number] == NO_SEGMENT:
                padded = world.segs + (NO_SEGMENT,) * (number + 1 - len(world.segs))
                cut = self._segment(mine[: (number + 1) * size], number * size)
                segs = (*padded[:number], cut, *padded[number + 1 :])
                yield Move("sys", f"pod {pod.who}: PUT segment/{number}", world._replace(segs=segs))

    def _cut(self, log: tuple[int, ...], begin: int) -> tuple[tuple[int, ...], int]:
        segment = self._seams.cut(values.folded(log[:begin]), [SLOTS[slot] for slot in log[begin:]])
        return log[begin:], HEADS.number(segment.head)
