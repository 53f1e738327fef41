"""All moves of one run: runners, operators, faults, people, time; and where the system may rest."""

from __future__ import annotations

from collections.abc import Iterator

from kitaru.core.head import Head, State
from kitaru.core.protocol.writer import Appending, Claiming, Ready
from tests.model import invariants, values
from tests.model.acts import Operators
from tests.model.operators import Looks
from tests.model.runner import Runners, hung, spend, with_pod
from tests.model.seams import Seams
from tests.model.values import Move, Pod, Scenario, World


class Model:
    """One scenario under one set of seams."""

    def __init__(self, seams: Seams, scenario: Scenario) -> None:
        self._seams = seams
        self._scenario = scenario
        self._runners = Runners(seams, scenario)
        self._looks = Looks(seams, scenario)
        self._operators = Operators(seams, scenario, self._looks, self._runners)

    def initial(self) -> World:
        scenario = self._scenario
        waits = max([scenario.side, *(int(step[1:]) for step in scenario.steps if step[0] in "ow")])
        return World(
            log=(),
            claims=("",) * (scenario.attempts + 2),
            ans=(0,) * (waits + 1),
            att=0,
            cancel=False,
            retry=0,
            used=0,
            reqs="-" * len(scenario.requests),
            phase="",
            pods=(),
            made=(0,) * (scenario.attempts + 2),
            ops=((),) * scenario.ops,
            left=scenario.budgets,
        )

    def moves(self, world: World) -> Iterator[Move]:
        """Return every step that may come next."""
        for place, pod in enumerate(world.pods):
            if pod.machine >= 0:
                yield from self._runners.moves(world, place)
                yield from self._runners.segment_moves(world, place)
                yield from self._strikes(world, place, pod)
            if world.gone and pod.obj == "L":
                pods = world.pods[:place] + world.pods[place + 1 :]
                yield Move("sys", f"the garbage collector removes pod {pod.who}", world._replace(pods=pods))
        for place in range(len(world.ops)):
            yield from self._operators.moves(world, place)
        yield from self._people(world)

    def check(self, world: World, after: World, label: str) -> None:
        invariants.check(self._scenario, world, after, label)

    def _strikes(self, world: World, place: int, pod: Pod) -> Iterator[Move]:
        """Faults that may meet a process with a live object."""
        if pod.obj != "L":
            return
        if (t := spend(self._scenario, world, "kill")) is not None:
            yield Move("fault", f"pod {pod.who} is killed", with_pod(t, place, pod._replace(machine=-1)))
            pods = t.pods[:place] + t.pods[place + 1 :]
            yield Move("fault", f"pod {pod.who} is killed, its object vanishes", t._replace(pods=pods))
        if (t := spend(self._scenario, world, "lose")) is not None:
            gone = with_pod(t, place, pod._replace(obj="G"))
            yield Move("fault", f"pod {pod.who} is force-deleted, lives on", gone)
        if (t := spend(self._scenario, world, "twin")) is not None:
            who = pod.who + ("'" if self._seams.own_writer else "")
            twin = Pod(pod.number, who, "G", self._runners.begin(pod.number, who, world.retry, "twin"))
            yield Move("fault", f"the kubelet starts pod {pod.who} twice", t._replace(pods=(*t.pods, twin)))
        yield from self._hangs(world, place, pod)

    def _hangs(self, world: World, place: int, pod: Pod) -> Iterator[Move]:
        if (t := spend(self._scenario, world, "hang")) is None:
            return
        machine = self._runners.machine(pod.machine)
        if self._scenario.cancel and isinstance(machine, Claiming | Ready):
            yield Move("fault", f"pod {pod.who} hangs", hung(t, place))
        runs = (
            isinstance(machine, Appending) and values.records(values.SLOTS.number(machine.slot))[-1].kind == "returned"
        )
        if self._scenario.stay and runs:
            yield Move("fault", f"pod {pod.who} hangs in user code", hung(t, place, pod.number))

    def _people(self, world: World) -> Iterator[Move]:
        scenario = self._scenario
        if world.att and (t := spend(scenario, world, "reset")) is not None:
            restored = t._replace(att=0, used=0, phase="")
            yield Move("fault", "etcd is restored from a backup: status.attempt is 0", restored)
        for number, letter in enumerate(world.reqs):
            if letter == "-":
                late = world.late and abs(scenario.requests[number]) in scenario.deadline
                reqs = world.reqs[:number] + ("p" if late else "P") + world.reqs[number + 1 :]
                label = f"someone makes request {number + 1}{' after the deadline' if late else ''}"
                yield Move("user", label, world._replace(reqs=reqs))
        if scenario.deadline and world.late < 2:
            label = ("the deadline passes", "the margin passes")[world.late]
            yield Move("time", label, world._replace(late=world.late + 1))
        if scenario.delete and not world.gone:
            yield Move("user", "someone deletes the resource", world._replace(gone=True))
        if scenario.cancel and not world.cancel:
            yield Move("user", "someone asks to cancel", world._replace(cancel=True))
        if world.retry < scenario.retries:
            yield Move("user", "someone raises retry", world._replace(retry=world.retry + 1))

    # -------------------------------------------------------------------------------------------------- at rest
    def settled(self, world: World) -> bool:
        """Return whether the system may rest here: ended, parked or staying, nobody without a verdict."""
        scenario, head = self._scenario, values.folded(world.log)
        cancel = world.cancel or invariants.aborted(scenario, world)
        over = invariants.over(head, world.retry, cancel=cancel or world.gone)
        stays = [pod for pod in world.pods if self._stays(world, pod, head)]
        phase = (
            str(head.state).capitalize() if over else "Waiting" if stays or head.state is State.PARKED else "Running"
        )
        told = not scenario.report or world.gone or world.phase == phase
        alive = [pod for pod in world.pods if pod.obj == "L" and pod not in stays]
        still = not cancel and not world.gone and not self._news(world, head)
        rests = over or (still and (bool(stays) or head.state is State.PARKED))
        if not self._pending(world, head) and told and not alive and rests:
            return True
        return self._excused(world, head, busy=over or cancel)

    def _stays(self, world: World, pod: Pod, head: Head) -> bool:
        """Whether the process stays for an answer, with nothing to read."""
        machine = self._runners.machine(pod.machine)
        if (
            pod.obj != "L"
            or not isinstance(machine, Ready)
            or machine.head.next != len(world.log)
            or pod.number != head.epoch
        ):
            return False
        asked = not self._scenario.side or head.is_open(f"w{self._scenario.side}") or self._side_done(world)
        return asked and self._runners.next(world, pod) == "stay"

    def _side_done(self, world: World) -> bool:
        return self._scenario.side in values.story(world.log).opened

    def _news(self, world: World, head: Head) -> bool:
        """Whether an open wait has an answer, or its deadline is over."""
        late = world.late == 2
        return any(
            world.ans[int(wait.id[1:])] or (late and int(wait.id[1:]) in self._scenario.deadline) for wait in head.waits
        )

    def _pending(self, world: World, head: Head) -> bool:
        """Whether somebody waits for a verdict; only an abort that is stored may: for the end."""
        opened = values.story(world.log).opened
        for number, letter in enumerate(world.reqs, 1):
            wait = abs(self._scenario.requests[number - 1])
            stored = invariants.is_abort(self._scenario, number) and world.ans[wait] == number
            if letter in "Pp" and (head.final or (wait in opened and not stored)):
                return True
        return False

    def _excused(self, world: World, head: Head, *, busy: bool) -> bool:
        """Three states of no rest are nobody's fault: user code hangs, or the model has no number left."""
        hanging = [pod for pod in world.pods if pod.machine < 0 and pod.obj == "L" and pod.number == world.att]
        ended = head.end == world.att and head.state is not State.RUNNING
        if hanging and not (busy or world.gone or ended):
            fenced = any(pod.epoch == head.epoch for pod in hanging)
            return not self._scenario.report or world.phase == "Running" or not fenced
        if world.gone:
            over = invariants.over(head, world.retry, cancel=True)
            return not over and all(world.claims[head.epoch + 1 :])
        return self._looks.starved(world, cancel=busy)
