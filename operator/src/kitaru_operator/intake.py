"""What watches and lists bring: remember it, slimmed, and have its key worked on. Nothing else happens here."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from kitaru_operator.cache import Name
from kitaru_operator.cluster import ANSWERS, EXECUTIONS, FLOWS, Change, Kind
from kitaru_operator.world import Key, World


def take(world: World, kind: Kind, change: Change, body: Mapping[str, JsonValue]) -> None:
    """Take in that an object was seen, or that it is gone."""
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        return
    name = (str(metadata.get("namespace", "")), str(metadata.get("name", "")))
    if kind is FLOWS:
        world.touch(Key("flow", *name))
    elif change == "lost":
        lose(world, kind, name)
    else:
        _touch(world, _seen(world, kind, body))


def lose(world: World, kind: Kind, name: Name) -> None:
    """Take in that an object is gone."""
    if kind is EXECUTIONS:
        owner = world.cache.lose_execution(name)
    elif kind is ANSWERS:
        owner = world.cache.lose_answer(name)
    else:
        owner = world.cache.lose_pod(name)
    _touch(world, owner)


def _touch(world: World, owner: Name | None) -> None:
    if owner is not None:
        world.touch(Key("execution", *owner))


def _seen(world: World, kind: Kind, body: Mapping[str, JsonValue]) -> Name | None:
    if kind is EXECUTIONS:
        return world.cache.see_execution(body)
    return world.cache.see_answer(body) if kind is ANSWERS else world.cache.see_pod(body)
