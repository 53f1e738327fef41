"""Explores every interleaving of a scenario; the shortest counterexample first."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from tests.model.model import Model
from tests.model.seams import Seams
from tests.model.values import BrokenError, Scenario, World

#: A run that grows past this is reported as unfinished.
LIMIT = 2_000_000
STUCK = "LIVENESS (I5) stuck or looping: no way to rest without a person or a fault"


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: how many states and moves, and the violation (empty: none) with its shortest trace."""

    states: int
    moves: int
    violation: str = ""
    trace: tuple[str, ...] = ()


class Graph:
    """The states that were reached, how each was reached first, and the moves that the system makes by itself."""

    def __init__(self, first: World) -> None:
        self._index = {first: 0}
        self.states = [first]
        self._parent = array("l", [-1])
        self._label = [""]
        self._sources = array("l")
        self._targets = array("l")

    def reach(self, source: int, label: str, world: World, *, alone: bool) -> None:
        # Operators are alike: which is which makes no difference.
        key = world if len(world.ops) < 2 else world._replace(ops=tuple(sorted(world.ops, key=hash)))
        number = self._index.setdefault(key, len(self.states))
        if number == len(self.states):
            self.states.append(key)
            self._parent.append(source)
            self._label.append(label)
        if alone:
            self._sources.append(source)
            self._targets.append(number)

    def trace(self, number: int, *last: str) -> tuple[str, ...]:
        steps = list(last)
        while self._parent[number] >= 0:
            steps.append(self._label[number])
            number = self._parent[number]
        return tuple(reversed(steps))

    def stuck(self, resting: list[int]) -> int:
        """Return the first state from which the system alone cannot come to rest, -1 if there is none."""
        back: list[list[int]] = [[] for _ in self.states]
        for source, target in zip(self._sources, self._targets, strict=True):
            back[target].append(source)
        good = bytearray(len(self.states))
        for number in resting:
            good[number] = 1
        while resting:
            for source in back[resting.pop()]:
                if not good[source]:
                    good[source] = 1
                    resting.append(source)
        return good.find(0)


def explore(seams: Seams, scenario: Scenario) -> Found:
    """Breadth first, so that the first violation has the shortest trace. Then: can every state still come to rest?"""
    model = Model(seams, scenario)
    graph, at, moves = Graph(model.initial()), 0, 0
    while at < len(graph.states):
        if len(graph.states) > LIMIT:
            return Found(len(graph.states), moves, "unfinished: too many states")
        world = graph.states[at]
        label = ""
        try:
            for kind, label, after in model.moves(world):
                moves += 1
                if after is not world and after != world:
                    model.check(world, after, label)
                    graph.reach(at, label, after, alone=kind == "sys")
        except BrokenError as broken:
            return Found(len(graph.states), moves, str(broken.args[0]), graph.trace(at, str(broken.args[1])))
        at += 1
    stuck = graph.stuck([number for number, world in enumerate(graph.states) if model.settled(world)])
    if stuck >= 0:
        return Found(len(graph.states), moves, STUCK, graph.trace(stuck))
    return Found(len(graph.states), moves)
