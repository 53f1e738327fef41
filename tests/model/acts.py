"""What operators do after they decided: each act is one request, and may find that the world has moved on."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace

from kitaru.core import journal
from kitaru.core.journal import Claim
from kitaru.core.protocol import ender
from kitaru.core.protocol.ender import Appending, Claiming, Ended, Ender, Ending
from kitaru.core.protocol.passes import Kind
from kitaru.core.protocol.requests import Created, Found, PutSlot, Reply
from kitaru.errors import JournalBrokenError
from tests.model import invariants, values
from tests.model.operators import Looks, Resource, Seen
from tests.model.runner import Runners, spend
from tests.model.seams import Seams
from tests.model.values import EXPIRED, FAILURE, HEADS, NOW, SLOTS, Act, Interned, Move, Pod, Scenario, World, broken

#: (what is said of it, the world after it, the acts that are left)
Done = tuple[str, World, tuple[Act, ...]]


class Operators:
    """The operators of one run of the search."""

    def __init__(self, seams: Seams, scenario: Scenario, looks: Looks, runners: Runners) -> None:
        self._seams = seams
        self._scenario = scenario
        self._looks = looks
        self._runners = runners
        self._enders = Interned[Ender]()
        self._told = functools.cache(self._tell)

    def moves(self, world: World, place: int) -> Iterator[Move]:
        """Return what an operator may do next, the faults that may meet it included."""
        me = f"operator {place + 1}: "
        if len(world.ops[place]) == 0:
            for kind, (text, after, left) in self._idle(world):
                yield Move(kind, me + text, _to(after, place, left))
        else:
            yield from self._goes_on(world, place, me)

    def _goes_on(self, world: World, place: int, me: str) -> Iterator[Move]:
        acts = world.ops[place]
        text, after, left = self._act(world, acts[0])
        yield Move("sys", me + text, _to(after, place, () if left is DROP else left + acts[1:]))
        if acts[0][0] == "look":
            return
        wrote = after.log != world.log or after.ans != world.ans
        if wrote and (t := spend(self._scenario, after, "lost")) is not None:
            yield Move("fault", f"{me}{text}, the reply is lost", _to(t, place, acts))
        if (t := spend(self._scenario, world, "crash")) is not None:
            yield Move("fault", f"{me}crashes before {acts[0][0]}", _to(t, place, ()))

    def _idle(self, world: World) -> Iterator[tuple[str, Done]]:
        if world.gone:
            yield from self._ends_deleted(world)
        else:
            text, acts = self._looks.move(world, Seen())
            yield "sys", (text, world, acts)
            if (t := spend(self._scenario, world, "refuse")) is not None:
                text, acts = self._looks.move(world, Seen(refused=True))
                yield "fault", (f"cannot start an attempt, {text}", t, acts)
        for number, letter in enumerate(world.reqs, 1):
            if letter in "Pp":
                act = self._looks.judged(number, letter, values.head_of(self._looks.known(world)))
                if act:
                    yield "sys", (f"reads the log for request {number}; decides: {act[0]}", world, (act,))

    def _ends_deleted(self, world: World) -> Iterator[tuple[str, Done]]:
        """What an operator remembers of status.attempt may be old, or nothing; one may rely on the latter only."""
        head = values.folded(world.log)
        for seen in range(world.att + 1):
            end = self._looks.deleted(world, seen)
            if end is not None and end.number < len(world.claims) and (not seen or seen > head.epoch):
                after, act = self._begin(
                    world, end.number, (end.kind, values.head_of(world.log)), insist=self._seams.insists
                )
                yield (
                    "time" if seen else "sys",
                    (f"sees the deletion (attempt {seen}), ends it under {end.number}", after, (act,)),
                )

    def _act(self, world: World, act: Act) -> Done:
        match act:
            case ("look", Seen() as seen):
                text, acts = self._looks.move(world, seen)
                return text, world, acts
            case ("raise" | "swap" | "create" | "delete" | "phase", *_):
                return self._in_cluster(world, act)
            case ("end", int(machine)):
                return self._end(world, machine)
            case _:
                return self._on_requests(world, act)

    # --------------------------------------------------------------------------------------- at the API server
    def _in_cluster(self, world: World, act: Act) -> Done:
        match act:
            case ("raise", int(att), int(number), int(retry)):
                return self._raise(world, att, number, retry)
            case ("swap", int(att), int(number), Kind() as kind, int(head)):
                if world.att != att or world.gone:
                    return f"CAS attempt {att} -> {number} fails", world, DROP
                after, end = self._begin(world._replace(att=number), number, (kind, head), insist=False)
                return f"CAS attempt {att} -> {number} (end)", after, (end,)
            case ("create", int(number), int(retry)):
                return self._create(world, number, retry)
            case ("delete", str(who)):
                invariants.check_delete(self._scenario, world, who)
                pods = tuple(pod for pod in world.pods if pod.who != who or pod.obj == "G")
                return f"deletes pod {who}", world._replace(pods=pods), ()
            case ("phase", str(phase), Resource() as seen):
                return self._phase(world, phase, seen)
            case _:
                broken("an act that nobody knows", str(act))

    def _raise(self, world: World, att: int, number: int, retry: int) -> Done:
        label = f"CAS attempt {att} -> {number}"
        if world.att != att or world.gone:
            return f"{label} fails", world, DROP
        invariants.check_start(self._scenario, world, label)
        used = world.used if self._seams.counts_failures else max(world.used, retry)
        return label, world._replace(att=number, used=used), ()

    def _create(self, world: World, number: int, retry: int) -> Done:
        if any(pod.number == number and pod.obj != "G" for pod in world.pods):
            return f"create pod {number}: 409, fine", world, ()
        after, who = _name(world, number, "")
        pod = Pod(number, who, "L", self._runners.begin(number, who, retry))
        return f"creates pod {who}", after._replace(pods=(*after.pods, pod)), ()

    def _phase(self, world: World, phase: str, seen: Resource) -> Done:
        now = Resource(world.att, world.cancel, world.retry, world.used, world.phase)
        if world.gone or (self._seams.conditional_status and seen != now):
            return "status patch refused (resourceVersion)", world, ()
        if world.phase in {"Completed", "Cancelled"} and world.phase != phase:
            broken(f"I7 reported phase goes from {world.phase} to {phase}", "an operator patches the phase")
        return f"reports {phase}", world._replace(phase=phase), ()

    # ------------------------------------------------------------------------------------ ending an execution
    def _begin(self, world: World, number: int, what: tuple[Kind, int], *, insist: bool) -> tuple[World, Act]:
        """The writer id is made with the claim, so that a try that is refused costs the model no name."""
        kind, head = what
        failed = journal.Failed(failure=FAILURE, at=NOW)
        record = journal.Cancelled(reason="", at=NOW) if kind is Kind.CANCEL else failed
        state = self._seams.ends(Ending(number=number, writer="", record=record, insist=insist), HEADS[head])
        if isinstance(state, Appending):
            world, who = _name(world, number, "op")
            state = replace(state, ending=replace(state.ending, writer=who))
        return world, ("end", self._enders.number(state))

    def _end(self, world: World, machine: int) -> Done:
        match self._enders[machine]:
            case Claiming() as state:
                return self._claim(world, machine, state)
            case Appending() as state:
                return self._append(world, machine, state)
            case state:
                broken("an ender that has ended", repr(state))

    def _claim(self, world: World, machine: int, state: Claiming) -> Done:
        number = state.ending.number
        if number >= len(world.claims):
            return f"epoch/{number} is beyond the model", world, DROP
        if world.claims[number]:
            machine = self._told(machine, Found(Claim(writer=world.claims[number])))
            goes_on = isinstance(self._enders[machine], Claiming)
            return f"epoch/{number} is taken", world, (("end", machine),) if goes_on else DROP
        world, who = _name(world, number, "op")
        state = replace(state, ending=replace(state.ending, writer=who))
        world = world._replace(claims=(*world.claims[:number], who, *world.claims[number + 1 :]))
        return f"claims epoch/{number}", world, (("end", self._told(self._enders.number(state), Created())),)

    def _append(self, world: World, machine: int, state: Appending) -> Done:
        request = ender.request(state)
        if not isinstance(request, PutSlot):
            broken("an append is not a put", repr(request))
        slot, number = SLOTS.number(request.slot), request.number
        label = f"PUT log/{number} {values.text(slot)} (epoch {request.slot.epoch})"
        if number == len(world.log):
            return label, world._replace(log=(*world.log, slot)), self._after(world)
        there = SLOTS[world.log[number]]
        try:
            machine = self._told(machine, Found(there))
        except JournalBrokenError:
            what = f"I1 a writer of epoch {request.slot.epoch} meets a foreign {values.text(world.log[number])}"
            broken(what, label)
        match self._enders[machine]:
            case Ended():
                return f"{label} refused, its own: done", world, self._after(world)
            case Appending():
                return f"{label} refused by epoch {there.epoch}: next slot", world, (("end", machine),)
            case _:
                return f"{label} refused by {values.text(world.log[number])}: gives up", world, DROP

    def _after(self, world: World) -> tuple[Act, ...]:
        """Where deletion by level is undone, the pod is deleted once, here."""
        live = [pod.who for pod in world.pods if pod.obj == "L"]
        return (("delete", live[0]),) if live and not self._seams.by_level else ()

    def _tell(self, machine: int, reply: Reply) -> int:
        state = self._enders[machine]
        if not isinstance(state, Claiming | Appending):
            broken("a reply to nothing", repr(state))
        return self._enders.number(ender.told(state, reply))

    # ----------------------------------------------------------------------------------------- about requests
    def _on_requests(self, world: World, act: Act) -> Done:
        match act:
            case ("put", int(number), int(head)):
                return self._put(world, number, head)
            case ("get", int(number), int(head)):
                wait = abs(self._scenario.requests[number - 1])
                told = self._looks.settled(number, world.reqs[number - 1], head, world.ans[wait])
                return f"GET answers/{wait}", world, (told,)
            case ("list", int(wait), int(head)):
                return f"LISTs the requests for wait {wait}", world, (self._looks.expired(world, wait, head),)
            case ("expire", int(wait)):
                return self._expire(world, wait)
            case ("tell", int(number), str(verdict)):
                return self._verdict(world, number, verdict)
            case _:
                broken("an act that nobody knows", str(act))

    def _put(self, world: World, number: int, head: int) -> Done:
        wait = abs(self._scenario.requests[number - 1])
        free = not world.ans[wait] or not self._seams.conditional_answers
        after = _decided(world, wait, number) if free else world
        told = self._looks.settled(number, world.reqs[number - 1], head, after.ans[wait])
        return f"PUT answers/{wait} = request {number}{'' if free else ' refused'}", after, (told,)

    def _expire(self, world: World, wait: int) -> Done:
        free = not world.ans[wait]
        after = _decided(world, wait, EXPIRED) if free else world
        return f"PUT answers/{wait} = expired{'' if free else ' refused'}", after, ()

    def _verdict(self, world: World, number: int, verdict: str) -> Done:
        """A compare-and-swap on the request: a verdict is given once."""
        was = world.reqs[number - 1]
        now = (verdict if was == "P" else verdict.lower()) if was in "Pp" else was
        reqs = world.reqs[: number - 1] + now + world.reqs[number:]
        return f"tells request {number} {verdict}", world._replace(reqs=reqs), ()


#: What is left of a pass that lost a race: nothing. A value of its own, because nothing left to add is no loss.
DROP: tuple[Act, ...] = (("dropped",),)


def _to(world: World, place: int, acts: tuple[Act, ...]) -> World:
    acts = tuple(act for act in acts if act)
    return world._replace(ops=(*world.ops[:place], acts, *world.ops[place + 1 :]))


def _decided(world: World, wait: int, held: int) -> World:
    return world._replace(ans=(*world.ans[:wait], held, *world.ans[wait + 1 :]))


def _name(world: World, number: int, kind: str) -> tuple[World, str]:
    """Return a fresh writer id under a number."""
    made = (*world.made[:number], world.made[number] + 1, *world.made[number + 1 :])
    return world._replace(made=made), f"{kind}{number}{'abcdefgh'[world.made[number]]}"
