"""Async flows: when an attempt rests, and how it ends from outside."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Sequence

from kitaru.checkpoints import checkpoint
from kitaru.core.head import OpenWait
from kitaru.core.tagged import UserValue
from kitaru.engine import attempt
from kitaru.engine.attempt import Completed, Interrupted
from kitaru.engine.stop import Stop
from kitaru.waits import wait
from tests.laws.kit import Bench, affect


@checkpoint
async def double(number: int) -> int:
    """Double it in a turn of the loop."""
    await asyncio.sleep(0)
    affect("double", number)
    return number * 2


def kinds(bench: Bench) -> list[str]:
    """Return the kinds of all records."""
    return [record.kind for slot in bench.slots() for record in slot.records]


def completed(bench: Bench) -> UserValue:
    """Attempt once, and return the flow's result as it lies in the journal."""
    outcome = bench.attempt()
    assert isinstance(outcome, Completed), outcome
    return outcome.value.data


def test_attempt_parks_from_outside() -> None:
    """Nothing is raised in the body; its clean-up sees a cancelled task and may make no call."""
    seen: list[str] = []

    async def branch() -> str:
        try:
            return await wait.submit(str, name="ask")
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def flow() -> UserValue:
        try:
            return await asyncio.gather(branch(), double(1), return_exceptions=True)
        finally:
            with contextlib.suppress(BaseException):
                await double(100)

    bench = Bench(flow)
    assert isinstance(bench.attempt(), attempt.Parked)
    assert seen == ["cancelled"]
    assert [(one.name, one.key) for one in bench.effects] == [("double", 1)]
    bench.answer("ask", "yes")
    assert completed(bench) == ["yes", 2]


def test_calls_of_other_branches_end_before_the_park() -> None:
    """A wait parks the attempt once no branch can go on."""

    async def chain() -> int:
        return await double(await double(await double(1)))

    async def flow() -> UserValue:
        return await asyncio.gather(wait.submit(str, name="ask"), chain())

    bench = Bench(flow)
    assert isinstance(bench.attempt(), attempt.Parked)
    assert len(bench.effects) == 3


def test_timer_of_the_body_keeps_the_attempt() -> None:
    """A sleeping branch is one that goes on by itself."""

    async def sleeper() -> int:
        await asyncio.sleep(0.05)
        return await double(1)

    async def flow() -> UserValue:
        return await asyncio.gather(wait.submit(str, name="ask"), sleeper())

    bench = Bench(flow)
    assert isinstance(bench.attempt(), attempt.Parked)
    assert len(bench.effects) == 1


def test_timeout_around_a_wait() -> None:
    """A time limit of the body's own passes while the runner stays in the process."""

    async def flow() -> str:
        try:
            async with asyncio.timeout(0.05):
                return await wait.submit(str, name="ask")
        except TimeoutError:
            return "too late"

    assert completed(Bench(flow)) == "too late"


def test_job_of_the_body_keeps_the_attempt() -> None:
    """A thread that the body awaits is one that goes on by itself."""
    release = threading.Event()

    async def flow() -> UserValue:
        threading.Timer(0.05, release.set).start()
        job = asyncio.to_thread(release.wait, 5)
        return await asyncio.gather(wait.submit(str, name="ask"), then(job))

    async def then(job: asyncio.Future[bool] | UserValue) -> int:
        await job
        return await double(1)

    bench = Bench(flow)
    assert isinstance(bench.attempt(), attempt.Parked)
    assert len(bench.effects) == 1


def test_file_of_the_body_keeps_the_attempt() -> None:
    """A connection that the body reads from is one that goes on by itself."""

    async def read() -> int:
        server = await asyncio.start_server(_greet, "127.0.0.1", 0)
        async with server:
            port: int = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            line = await reader.readline()
            writer.close()
        return await double(len(line))

    async def flow() -> UserValue:
        return await asyncio.gather(wait.submit(str, name="ask"), read())

    bench = Bench(flow)
    assert isinstance(bench.attempt(), attempt.Parked)
    assert [one.key for one in bench.effects] == [6]


async def _greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()

    def greet() -> None:
        writer.write(b"hello\n")
        writer.close()

    # A thread that nobody counts: only the connection can tell that something will come.
    threading.Timer(0.05, loop.call_soon_threadsafe, (greet,)).start()


def test_answer_while_another_branch_works() -> None:
    """A branch goes on with its answer though another one is busy."""

    @checkpoint
    def until_answered() -> bool:
        return release.wait(5)

    async def asker() -> str:
        found = await wait.submit(str, name="ask")
        release.set()
        return found

    async def flow() -> UserValue:
        busy = until_answered.submit()
        bench.answer("ask", "yes")
        return await asyncio.gather(asker(), busy)

    release = threading.Event()
    bench = Bench(flow)
    assert completed(bench) == ["yes", True]


def test_answer_while_the_runner_stays() -> None:
    """A runner that stays goes on in place when the answer comes."""

    async def flow() -> str:
        return await wait.submit(str, name="ask")

    def staying(_waits: Sequence[OpenWait], _seconds: float) -> bool:
        bench.answer("ask", "yes")
        return True

    bench = Bench(flow)
    assert isinstance(bench.attempt(stay=60, staying=staying), Completed)
    assert kinds(bench) == ["fence", "wait_opened", "idle", "answered", "completed"]


def test_abort() -> None:
    """The attempt goes and writes nothing."""

    async def flow() -> str:
        return await wait.submit(str, name="ask")

    bench = Bench(flow)
    bench.attempt()
    bench.abort("ask")
    assert isinstance(bench.attempt(), Interrupted)
    assert kinds(bench)[-1] == "fence"


def test_stop_cancels_async_calls() -> None:
    """A call that would run for long is abandoned at its next await."""
    stop = Stop()

    @checkpoint
    async def endless() -> None:
        threading.Timer(0.02, stop.set, ("SIGTERM",)).start()
        await asyncio.sleep(3600)

    async def flow() -> None:
        await endless()

    bench = Bench(flow)
    outcome = bench.attempt(stop=stop)
    assert isinstance(outcome, Interrupted)
    assert outcome.why == "SIGTERM"
    assert "returned" not in kinds(bench)
