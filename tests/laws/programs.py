"""Generated flows: programs as JSON, a `def` flow and an `async` one that run them.

Each node is a list: what to do, then its arguments. The results of all nodes are the flow's result;
each is checked where it arrives, so a result that went to another call fails the flow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final, TypeAlias

from hypothesis import strategies as st

from kitaru.core.tagged import UserValue
from kitaru.engine.futures import Future
from kitaru.waits import wait
from tests.laws.kit import shuffled
from tests.laws.steps import (
    RefusedError,
    effect,
    effect_async,
    late,
    late_async,
    persevere,
    persevere_async,
    refuse,
    refuse_async,
    stumble,
)

Node: TypeAlias = list[UserValue]
Program: TypeAlias = UserValue


def expected(key: int, result: UserValue) -> int:
    """Return the result, if it is that of this key."""
    assert result == key * 7, f"{key} got {result}"
    return key * 7


def answered(question: str, answer: UserValue) -> str:
    """Return the answer, if it is the one to this question."""
    assert answer == f"to {question}", f"{question} got {answer}"
    return answer


# The `def` flow.


def sequential(program: Program) -> list[UserValue]:
    """Run the program in a `def` body."""
    return [_STEPS[node[0]](*node[1:]) for node in program]


def _call(key: int) -> UserValue:
    return expected(key, effect(key))


def _stumble(key: int, times: int) -> UserValue:
    return expected(key, stumble(key, times))


def _persevere(key: int, times: int) -> UserValue:
    return expected(key, persevere(key, times))


def _late(key: int) -> UserValue:
    try:
        return late(key)
    except TimeoutError:
        return ["late", effect(key)]


def _refuse(key: int) -> UserValue:
    try:
        return refuse(key)
    except RefusedError as error:
        return [error.key, effect(key)]


def _fail(key: int) -> UserValue:
    return refuse(key)


def _branch(key: int, then: Program, otherwise: Program) -> UserValue:
    return sequential(then if effect(key) % 2 else otherwise)


def _submit(keys: list[int]) -> UserValue:
    futures = [effect.submit(key) for key in keys]
    return [expected(key, future.result()) for key, future in zip(keys, futures, strict=True)]


def _chain(keys: list[int]) -> UserValue:
    first = [effect.submit(key) for key in keys]
    second = [effect.submit(one) for one in first]
    return [expected(key * 7, future.result()) for key, future in zip(keys, second, strict=True)]


def _finally(inside: Program, clean_up: Program) -> UserValue:
    try:
        done = sequential(inside)
    finally:
        cleaned = sequential(clean_up)
    return [done, cleaned]


def _wait(question: str) -> UserValue:
    return answered(question, wait(str, name="ask", question=question))


def _waits(questions: list[str]) -> UserValue:
    futures = [(one, wait.submit(str, name="ask", question=one)) for one in questions]
    return [answered(one, future.result()) for one, future in reversed(futures)]


_STEPS: Final[dict[str, Callable[..., UserValue]]] = {
    "call": _call,
    "stumble": _stumble,
    "persevere": _persevere,
    "late": _late,
    "refuse": _refuse,
    "fail": _fail,
    "branch": _branch,
    "submit": _submit,
    "chain": _chain,
    "finally": _finally,
    "wait": _wait,
    "waits": _waits,
}


# The `async` flow.


async def concurrent(program: Program) -> list[UserValue]:
    """Run the program in an async body."""
    return [await _ASYNC_STEPS[node[0]](*node[1:]) for node in program]


async def _call_async(key: int) -> UserValue:
    return expected(key, await effect_async(key))


async def _block(key: int) -> UserValue:
    return expected(key, effect(key))


async def _persevere_async(key: int, times: int) -> UserValue:
    return expected(key, await persevere_async(key, times))


async def _late_async(key: int) -> UserValue:
    try:
        return await late_async(key)
    except TimeoutError:
        return ["late", await effect_async(key)]


async def _refuse_async(key: int) -> UserValue:
    try:
        return await refuse_async(key)
    except RefusedError as error:
        return [error.key, await effect_async(key)]


async def _fail_async(key: int) -> UserValue:
    return await refuse_async(key)


async def _gather(programs: list[Program]) -> UserValue:
    return await asyncio.gather(*(concurrent(one) for one in programs))


async def _gather_errors(keys: list[int]) -> UserValue:
    calls = (refuse_async(key) if key % 2 else effect_async(key) for key in keys)
    found = await asyncio.gather(*calls, return_exceptions=True)
    return [f"caught {one.key}" if isinstance(one, RefusedError) else one for one in found]


async def _gather_failing(keys: list[int]) -> UserValue:
    tasks = [asyncio.ensure_future(refuse_async(key)) for key in keys]
    try:
        return await asyncio.gather(*tasks)
    except RefusedError:
        await asyncio.wait(tasks)
        return "caught"


async def _group(programs: list[Program]) -> UserValue:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(concurrent(one)) for one in programs]
    return [one.result() for one in tasks]


async def _pool(keys: list[int]) -> UserValue:
    left = shuffled(keys)
    found: list[tuple[int, int]] = []
    running: dict[asyncio.Task[int], int] = {}
    while left or running:
        while left and len(running) < 2:
            key = left.pop()
            running[asyncio.ensure_future(effect_async(key))] = key
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            key = running.pop(one)
            found.append((key, expected(key, one.result())))
    return sorted(found)


async def _completed(keys: list[int]) -> UserValue:
    async def tell(key: int) -> tuple[int, UserValue]:
        return key, expected(key, await effect_async(key))

    return sorted([await one for one in asyncio.as_completed([tell(key) for key in shuffled(keys)])])


async def _submit_async(keys: list[int]) -> UserValue:
    futures: list[Future[int]] = [effect.submit(key) if key % 2 else effect_async.submit(key) for key in keys]
    found = await asyncio.gather(*futures)
    return [expected(key, one) for key, one in zip(keys, found, strict=True)]


async def _wait_async(question: str) -> UserValue:
    return answered(question, await wait.submit(str, name="ask", question=question))


async def _wait_and_call(question: str, key: int) -> UserValue:
    asked, called = await asyncio.gather(_wait_async(question), _call_async(key))
    return [asked, called]


async def _waits_async(questions: list[str]) -> UserValue:
    asked = (_wait_async(one) for one in shuffled(questions))
    return sorted(await asyncio.gather(*asked))


_ASYNC_STEPS: Final[dict[str, Callable[..., Coroutine[UserValue, UserValue, UserValue]]]] = {
    "call": _call_async,
    "block": _block,
    "persevere": _persevere_async,
    "late": _late_async,
    "refuse": _refuse_async,
    "fail": _fail_async,
    "gather": _gather,
    "gather_errors": _gather_errors,
    "gather_failing": _gather_failing,
    "group": _group,
    "pool": _pool,
    "completed": _completed,
    "submit": _submit_async,
    "wait": _wait_async,
    "wait_and_call": _wait_and_call,
    "waits": _waits_async,
}


# Programs. Those of a flow's body, and its function.

FLOWS: Final[dict[str, Callable[..., UserValue]]] = {"def": sequential, "async": concurrent}

_KEYS: Final = st.integers(0, 4)
_SOME: Final = st.lists(_KEYS, min_size=1, max_size=3)
_QUESTIONS: Final = st.sampled_from(["one", "two", "three"])


def _node(name: str, *arguments: st.SearchStrategy[UserValue]) -> st.SearchStrategy[Node]:
    return st.tuples(st.just(name), *arguments).map(list)


def _sequential_nodes(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    body = st.lists(inner, max_size=2)
    return st.one_of(_node("branch", _KEYS, body, body), _node("finally", body, body))


def _concurrent_nodes(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    bodies = st.lists(st.lists(inner, max_size=2), min_size=1, max_size=3)
    return st.one_of(_node("gather", bodies), _node("group", bodies))


SEQUENTIAL: Final[st.SearchStrategy[Program]] = st.lists(
    st.recursive(
        st.one_of(
            _node("call", _KEYS),
            _node("stumble", _KEYS, st.integers(0, 3)),
            _node("persevere", _KEYS, st.integers(0, 3)),
            _node("late", _KEYS),
            _node("refuse", _KEYS),
            _node("submit", _SOME),
            _node("chain", _SOME),
            _node("wait", _QUESTIONS),
            _node("waits", st.lists(_QUESTIONS, min_size=1, max_size=3)),
        ),
        _sequential_nodes,
        max_leaves=3,
    ),
    min_size=1,
    max_size=3,
)

CONCURRENT: Final[st.SearchStrategy[Program]] = st.lists(
    st.recursive(
        st.one_of(
            _node("call", _KEYS),
            _node("block", _KEYS),
            _node("persevere", _KEYS, st.integers(0, 3)),
            _node("late", _KEYS),
            _node("refuse", _KEYS),
            _node("gather_errors", _SOME),
            _node("gather_failing", _SOME),
            _node("pool", st.lists(_KEYS, min_size=1, max_size=4)),
            _node("completed", _SOME),
            _node("submit", _SOME),
            _node("wait", _QUESTIONS),
            _node("wait_and_call", _QUESTIONS, _KEYS),
            _node("waits", st.lists(_QUESTIONS, min_size=1, max_size=3)),
        ),
        _concurrent_nodes,
        max_leaves=4,
    ),
    min_size=1,
    max_size=3,
)

#: What each flow can run.
PROGRAMS: Final[dict[str, st.SearchStrategy[Program]]] = {"def": SEQUENTIAL, "async": CONCURRENT}
