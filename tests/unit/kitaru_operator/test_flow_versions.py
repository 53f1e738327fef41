"""Versions: each change of a flow's spec but its tags is one, immutable and numbered."""

import asyncio

from pydantic import JsonValue

from kitaru.core.resources import conditions
from kitaru.core.resources.conditions import FlowCondition
from kitaru_operator.cluster import EXECUTIONS, FLOWS, REVISIONS
from tests.unit.kitaru_operator.bench import NAMESPACE, Bench

FLOW: dict[str, JsonValue] = {"entrypoint": "agents.f:f", "image": "registry.example/f:1"}


def _bench(count: int = 1) -> Bench:
    bench = Bench()
    for number in range(1, count + 1):
        bench.apply(FLOWS, "f", {**FLOW, "image": f"registry.example/f:{number}"})
        bench.settle()
    return bench


def _revisions(bench: Bench) -> list[int]:
    async def numbers() -> list[int]:
        found = [body["revision"] async for body in bench.cluster.list(REVISIONS, NAMESPACE)]
        return sorted(one for one in found if isinstance(one, int))

    return asyncio.run(numbers())


def _versions(bench: Bench) -> list[int]:
    return [one.version for one in bench.flow("f").status.versions]


def test_a_change_of_the_spec_is_a_version() -> None:
    """Kept whole in a ControllerRevision, and listed with its image, deployment and commit."""
    bench = _bench()
    made: dict[str, JsonValue] = {"id": "d-2", "commit": "0a1b", "dirty": False}
    deployed: dict[str, JsonValue] = {"image": "registry.example/f:2", "deployment": made}
    bench.apply(FLOWS, "f", deployed)
    bench.settle()
    status = bench.flow("f").status
    assert _revisions(bench) == [1, 2]
    assert status.latest_version == 2
    assert [(one.image, one.deployment_id, one.commit, one.dirty) for one in status.versions] == [
        ("registry.example/f:1", None, None, None),
        ("registry.example/f:2", "d-2", "0a1b", False),
    ]


def test_a_change_of_the_tags_is_no_version() -> None:
    """Tags move between versions; they are none."""
    bench = _bench()
    bench.apply(FLOWS, "f", {"tags": {"stable": 1}})
    bench.settle()
    assert _revisions(bench) == [1]
    assert bench.flow("f").status.tags == {"stable": 1}


def test_going_back_to_an_older_spec_is_a_new_version() -> None:
    """A number never means anything else than it did."""
    bench = _bench(2)
    bench.apply(FLOWS, "f", FLOW)
    bench.settle()
    assert _revisions(bench) == [1, 2, 3]


def test_looking_again_changes_nothing() -> None:
    """A second look, or a second operator, records nothing twice and writes nothing."""
    bench = _bench(2)
    second = Bench(bench)
    second.crash()
    written = len(bench.cluster.writes)
    second.settle()
    assert _revisions(bench) == [1, 2]
    assert bench.cluster.writes[written:] == []


def test_a_tag_whose_version_is_unknown_keeps_its_last_good_one() -> None:
    """And the condition TagsResolved says which."""
    bench = _bench(2)
    bench.apply(FLOWS, "f", {"tags": {"stable": 1}})
    bench.settle()
    bench.apply(FLOWS, "f", {"tags": {"stable": 9}})
    bench.settle()
    status = bench.flow("f").status
    told = conditions.condition(status.conditions, FlowCondition.TAGS_RESOLVED)
    assert status.tags == {"stable": 1}
    assert told is not None
    assert (told.status, "stable: 9" in told.message) == ("False", True)


def test_history_is_limited_but_keeps_what_is_tagged_or_runs() -> None:
    """At most fifty versions; one with a tag or a live execution is never removed."""
    bench = _bench()
    bench.apply(EXECUTIONS, "x", {"flow": "f", "version": 1})
    bench.settle()
    bench.apply(FLOWS, "f", {"image": "registry.example/f:2"})
    bench.settle()
    bench.apply(FLOWS, "f", {"tags": {"stable": 2}})
    bench.settle()
    for number in range(3, 54):
        bench.apply(FLOWS, "f", {"image": f"registry.example/f:{number}"})
        bench.settle()
    assert _versions(bench) == [1, 2, *range(6, 54)]
    assert _revisions(bench) == _versions(bench)
